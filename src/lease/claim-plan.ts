/** What to do to get a lease, decided from what the store holds. Pure; each store then tries to carry it out. */
import { isDeepStrictEqual } from "node:util";
import type { DualPrefix, Prefix } from "../net/index.ts";
import type { Log } from "../runtime/log.ts";
import type { Random } from "../runtime/random.ts";
import { allocate, blockersOf, CANDIDATES, fitsNetwork } from "./allocate.ts";
import type { Lease } from "./lease.ts";
import type { LeaseRequest } from "./store.ts";
import { leasesOf, type StoredLease } from "./stored-lease.ts";

export interface ClaimPlan<L extends StoredLease> {
  /** This node's own lease, to be published on again; null when there is none that fits the network. */
  readonly reuse: L | null;
  /** This node's own leases that no longer fit the network, to be deleted. Reservations are the operator's. */
  readonly stale: readonly L[];
  /** Where there is nothing to reuse: what to claim, once `stale` is gone. */
  readonly claim: () => PlannedClaim;
}

export interface PlannedClaim {
  readonly subnets: DualPrefix;
  /** What claims the same addresses and can be nobody's lease, for it has another length: for an operator to delete. */
  readonly blockers: readonly Prefix[];
}

/** What is in a store, as far as claiming a subnet goes. */
export interface Listing<L extends StoredLease> {
  readonly leases: readonly L[];
  /** Of entries that are no leases but whose keys name subnets: nobody can claim those either. */
  readonly unreadable: readonly DualPrefix[];
}

/** @param lostRaces how many claims of this request went to other nodes */
export function planClaim<L extends StoredLease>(
  request: LeaseRequest,
  { leases, unreadable }: Listing<L>,
  lostRaces: number,
  random: Random,
): ClaimPlan<L> {
  const own = [
    ...leases.filter((lease) => isStillHeld(lease, request.held)),
    ...leasesOf(leases, request.content.publicIps, request.previousSubnets),
  ];
  const taken = () => [
    ...unreadable,
    ...leases.filter((lease) => !stale.includes(lease)).map((lease) => lease.subnets),
  ];
  const stale = own.filter((lease) => !fitsNetwork(request.config, lease.subnets) && !lease.isReservation);
  return {
    reuse: own.find((lease) => fitsNetwork(request.config, lease.subnets)) ?? null,
    stale,
    claim: () => {
      const subnets = allocate(request.config, {
        previous: request.previousSubnets,
        taken: taken(),
        random,
        // Each lost race shows that many are drawing from the same few: draw from twice as many the next time.
        candidates: CANDIDATES * 2 ** Math.min(lostRaces, 16),
      });
      return { subnets, blockers: blockersOf(subnets, taken()) };
    },
  };
}

/** A node whose address has changed keeps its subnet: it is known by what it published before. */
function isStillHeld(lease: Lease, held: Lease | null): boolean {
  return held !== null && lease.key === held.key && isDeepStrictEqual(lease.publicIps, held.publicIps);
}

/** Enough to find the rest by. */
const MAX_NAMED = 3;

export function warnOfBlockers(log: Log, { subnets, blockers }: PlannedClaim): void {
  if (blockers.length === 0) return;
  const named = blockers.slice(0, MAX_NAMED).join(", ");
  const reason = `${named} cannot be leased, as the network's subnets have another length; delete what is under these keys`;
  const fields = { op: "acquire-lease", subnet: subnets, count: blockers.length, reason };
  log.warn(fields, "claiming a subnet although other keys cover it");
}
