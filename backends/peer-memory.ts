import type { Peer } from "./backend.ts";

/**
 * What one backend has found for peers, for one node and one set of options. A peer's object stays the same until its
 * lease changes, so of thousands of peers few are computed again. It affects the time only.
 */
export class PeerMemory {
  readonly #found = new WeakMap<Peer, unknown>();

  /** @param find depends on nothing but the peer, the node and the options */
  recall<Data, Found>(peer: Peer<Data>, find: (peer: Peer<Data>) => Found): Found {
    const known = this.#found.get(peer);
    // Only its backend uses this memory, with one function.
    if (known !== undefined) return known as Found;
    const found = find(peer);
    this.#found.set(peer, found);
    return found;
  }
}
