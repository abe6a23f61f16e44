import { type DualPrefix, FAMILIES } from "../../net/index.ts";

/**
 * Decides when local pods may start: subnet.env, the CNI configuration and the Node's condition wait for it. It opens
 * once this node's own part of the data path is in place, and stays open for these subnets: a later switch or restart
 * that fails must not affect running pods. Another subnet has to wait for its own path.
 */
export class PodStartGate {
  /** The subnets that it is open for. */
  #open: DualPrefix;

  /** @param earlier the subnets of subnet.env, which an earlier daemon wrote when its gate was open */
  constructor(earlier: DualPrefix) {
    this.#open = earlier;
  }

  /**
   * @param findMissing returns what is missing of this node's own part of the path, or null; called until the gate is
   *   open
   * @returns why pods have to wait, or null
   */
  blockedBy(subnets: DualPrefix, findMissing: () => string | null): string | null {
    const isOpen = FAMILIES.every(
      (family) => subnets[family] === null || subnets[family] === this.#open[family],
    );
    const missing = isOpen ? null : findMissing();
    // A family that is gone for a while stays open.
    if (missing === null) this.#open = { v4: subnets.v4 ?? this.#open.v4, v6: subnets.v6 ?? this.#open.v6 };
    return missing;
  }
}
