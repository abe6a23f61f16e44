/** What to do to get a lease, decided from what the store holds. Pure; each store then tries to carry it out. */
import type { DualPrefix, Prefix } from "../net/index.ts";
import type { Log } from "../runtime/log.ts";
import type { Random } from "../runtime/random.ts";
import { allocate, blockersOf, CANDIDATES, fitsNetwork } from "./allocate.ts";
import {
  findOwnLeases,
  isById,
  NO_DISPUTE,
  refuseRival,
  type SelfDescription,
  takenFrom,
} from "./own-leases.ts";
import type { LeaseRequest, PreviousRequest } from "./store.ts";
import type { StoredLease } from "./stored-lease.ts";

export interface ClaimPlan<L extends StoredLease> {
  /** This node's own lease, to be published on again; null when there is none that fits the network. */
  readonly reuse: L | null;
  /** Id of the node that wrote `reuse` last, if that was another one. */
  readonly takenFrom: string | null;
  /**
   * This node's own leases that no longer fit the network, and what it has beside the one to reuse, to be deleted.
   * Reservations are the operator's.
   */
  readonly stale: readonly L[];
  /**
   * Where there is nothing to reuse: what to claim, once `stale` is gone.
   * @throws TweedError `lease-conflict`, `out-of-subnets`
   */
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
  const self = selfOf(request);
  const { own, rivals } = findOwnLeases(leases, self);
  const reuse = own.find((lease) => fitsNetwork(request.config, lease.subnets)) ?? null;
  const isStale = (lease: L) =>
    !lease.isReservation &&
    (!fitsNetwork(request.config, lease.subnets) || (lease !== reuse && isById(lease, self)));
  const stale = own.filter(isStale);
  const taken = () => [
    ...unreadable,
    ...leases.filter((lease) => !stale.includes(lease)).map((lease) => lease.subnets),
  ];
  return {
    reuse,
    takenFrom: reuse === null ? null : takenFrom(reuse, self),
    stale,
    claim: () => {
      // With another subnet it would be refused by every peer: two nodes at one address cannot both be reached.
      const [rival] = rivals;
      if (rival !== undefined) refuseRival(rival);
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

/** The best of this node's own leases, for what it published last. */
export function previousLease<L extends StoredLease>(
  leases: readonly L[],
  request: PreviousRequest,
): L | null {
  return findOwnLeases(leases, selfOf({ ...request, held: null })).own[0] ?? null;
}

function selfOf(request: PreviousRequest & Pick<LeaseRequest, "held" | "dispute">): SelfDescription {
  const { content, previousSubnets, held, identity, dispute = NO_DISPUTE } = request;
  const known = identity === undefined ? {} : { identity };
  return { publicIps: content.publicIps, previousSubnets, held, dispute, ...known };
}

/** Enough to find the rest by. */
const MAX_NAMED = 3;

export function warnOfBlockers(log: Log, { subnets, blockers }: PlannedClaim): void {
  if (blockers.length === 0) return;
  const named = blockers.slice(0, MAX_NAMED).join(", ");
  const reason = `${named} cannot be leased, as the network's subnets have another length; delete what is under these keys`;
  const fields = { op: "acquire-lease", subnet: subnets, count: blockers.length, reason };
  log.warn(fields, "claiming a subnet that other keys overlap");
}
