import { type DualPrefix, FAMILIES } from "../../net/index.ts";

/**
 * Decides when local pods may start: subnet.env, the CNI configuration and the Node's condition wait for it. It opens
 * once this node's own part of the data path is in place, and stays open: a later switch or restart that fails must not
 * affect running pods.
 */
export class PodStartGate {
  readonly #earlier: DualPrefix;
  #isOpen = false;

  /** @param earlier the subnets of subnet.env, which an earlier daemon wrote when its gate was open */
  constructor(earlier: DualPrefix) {
    this.#earlier = earlier;
  }

  /**
   * @param findMissing returns what is missing of this node's own part of the path, or null; called until the gate is
   *   open
   * @returns why pods have to wait, or null
   */
  blockedBy(subnets: DualPrefix, findMissing: () => string | null): string | null {
    this.#isOpen ||= FAMILIES.every(
      (family) => subnets[family] === null || subnets[family] === this.#earlier[family],
    );
    if (this.#isOpen) return null;
    const missing = findMissing();
    this.#isOpen = missing === null;
    return missing;
  }
}
