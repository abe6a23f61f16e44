import { type DualPrefix, FAMILIES } from "../../net/index.ts";

/**
 * When local pods may start: subnet.env, the CNI configuration and the Node's condition wait for it. A subnet has its
 * network from the first time that this node's own part of the data path stands. What happens to the path later takes
 * nothing back: a switch or a restart that fails must not cost the pods that run.
 */
export class FirstNetwork {
  readonly #earlier: DualPrefix;
  #hasStood = false;

  /** @param earlier the subnets of subnet.env, which an earlier daemon wrote when they had their network */
  constructor(earlier: DualPrefix) {
    this.#earlier = earlier;
  }

  /**
   * @param findMissing what keeps this node's own part of the path from standing; asked until it has stood
   * @returns why pods have to wait, or null
   */
  awaited(subnets: DualPrefix, findMissing: () => string | null): string | null {
    this.#hasStood ||= FAMILIES.every(
      (family) => subnets[family] === null || subnets[family] === this.#earlier[family],
    );
    if (this.#hasStood) return null;
    const missing = findMissing();
    this.#hasStood = missing === null;
    return missing;
  }
}
