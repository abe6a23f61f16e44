/**
 * Results for leases of earlier snapshots. A store hands out the same object for a lease until its entry changes, so of
 * thousands of leases in a snapshot only the changed ones need to be read and judged again. The results are those that
 * a new evaluation would have, so a plan with a memory equals one without.
 */
import { isDeepStrictEqual } from "node:util";
import type { DualPrefix } from "../net/index.ts";
import type { AcceptedLease } from "./accept.ts";
import type { Claim, Rejection } from "./claims.ts";
import { type Holders, HolderTable, type Publisher } from "./holders.ts";
import type { Lease } from "./lease.ts";

/** What an evaluation of one lease found. */
export interface Judgement {
  /** null when no offer of it can be used. */
  readonly accepted: AcceptedLease | null;
  readonly rejections: readonly Rejection[];
}

/** No more than a later snapshot needs: there is one for each of thousands of leases. */
export interface Remembered extends Claim {
  readonly publisher: Publisher;
  /** While no other lease conflicts with it; null until it was judged. */
  judgement: Judgement | null;
}

export class AcceptMemory {
  #basis: readonly unknown[] = [];
  #leases = new WeakMap<Lease, Remembered>();
  #holders = new HolderTable(null);

  /** The last result where that is carried over, else a new table. */
  holderTable(known: Holders | null): HolderTable {
    if (known !== this.#holders) this.#holders = new HolderTable(known);
    return this.#holders;
  }

  /**
   * Forgets all results unless this is equal to the last call's: all that they depend on besides the lease.
   * @returns whether it is
   */
  prepare(basis: readonly unknown[]): boolean {
    if (isDeepStrictEqual(basis, this.#basis)) return true;
    this.#basis = basis;
    this.#leases = new WeakMap();
    return false;
  }

  /** null for a lease that is new, or whose valid families have changed. */
  recall(lease: Lease, v4: DualPrefix["v4"], v6: DualPrefix["v6"]): Remembered | null {
    const known = this.#leases.get(lease);
    return known !== undefined && known.subnets.v4 === v4 && known.subnets.v6 === v6 ? known : null;
  }

  remember({ lease, subnets }: Claim, publisher: Publisher): Remembered {
    const remembered = { lease, subnets, publisher, judgement: null };
    this.#leases.set(lease, remembered);
    return remembered;
  }
}
