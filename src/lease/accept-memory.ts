/**
 * Results for leases of earlier snapshots. A store hands out the same object for a lease until its entry changes, so of
 * thousands of leases in a snapshot only the changed ones need to be read and judged again. The results are those that
 * a new evaluation would have, so a plan with a memory equals one without.
 */
import { isDeepStrictEqual } from "node:util";
import type { AcceptedLease } from "./accept.ts";
import type { Claim, Rejection } from "./claims.ts";
import type { Lease } from "./lease.ts";
import type { ReadClaim } from "./uniqueness.ts";

/** What an evaluation of one lease found, apart from conflicts with other leases. */
export interface Judgement {
  /** null when no offer of it can be used. */
  readonly accepted: AcceptedLease | null;
  readonly rejections: readonly Rejection[];
}

export class AcceptMemory {
  #basis: readonly unknown[] = [];
  #claims = new WeakMap<Lease, ReadClaim>();
  #judgements = new WeakMap<ReadClaim, Judgement>();

  /** Forgets all results unless this is equal to the last call's: all that they depend on besides the lease. */
  prepare(basis: readonly unknown[]): void {
    if (isDeepStrictEqual(basis, this.#basis)) return;
    this.#basis = basis;
    this.#claims = new WeakMap();
    this.#judgements = new WeakMap();
  }

  read(claim: Claim, read: () => ReadClaim): ReadClaim {
    const known = this.#claims.get(claim.lease);
    const { v4, v6 } = claim.subnets;
    if (known !== undefined && known.subnets.v4 === v4 && known.subnets.v6 === v6) return known;
    const result = read();
    this.#claims.set(claim.lease, result);
    return result;
  }

  /** For a claim that no other lease conflicts with. */
  judge(claim: ReadClaim, judge: () => Judgement): Judgement {
    const known = this.#judgements.get(claim);
    if (known !== undefined) return known;
    const result = judge();
    this.#judgements.set(claim, result);
    return result;
  }
}
