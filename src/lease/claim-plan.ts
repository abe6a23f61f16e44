/** Plans how to acquire a lease, from the leases in the store. Pure; each store then executes the plan. */
import type { DualPrefix, Prefix } from "../net/index.ts";
import type { Log } from "../runtime/log.ts";
import type { Random } from "../runtime/random.ts";
import { allocate, blockersOf, CANDIDATES, fitsNetwork } from "./allocate.ts";
import { isClaimedBefore } from "./claims.ts";
import {
  findOwnLeases,
  isById,
  NO_DISPUTE,
  refuseRival,
  type SelfDescription,
  type Taken,
  takenFrom,
  type VersionOf,
} from "./own-leases.ts";
import type { LeaseRequest, PreviousRequest } from "./store.ts";
import type { StoredLease } from "./stored-lease.ts";

export interface ClaimPlan<L extends StoredLease> {
  /** This node's own lease, to be published again; null when none fits the network that peers would accept. */
  readonly reuse: L | null;
  /** The last writer of `reuse`, if that was another node. */
  readonly takenFrom: Taken | null;
  /**
   * This node's own leases to delete: those that no longer fit the network, and any beside the one to reuse.
   * Never reservations, which belong to the operator.
   */
  readonly stale: readonly L[];
  /**
   * What to claim when there is nothing to reuse, once `stale` is deleted.
   * @throws TweedError `lease-conflict`, `out-of-subnets`
   */
  readonly claim: () => PlannedClaim;
}

export interface PlannedClaim {
  readonly subnets: DualPrefix;
  /** Overlapping subnets of another length, which no node of this network can lease: for an operator to delete. */
  readonly blockers: readonly Prefix[];
}

/** The contents of a store that matter to a claim. */
export interface Listing<L extends StoredLease> {
  readonly leases: readonly L[];
  /** Subnets of entries that are no leases but have the key of one: these cannot be claimed either. */
  readonly unreadable: readonly DualPrefix[];
  /** @see Dispute.takenFrom */
  readonly versionOf: VersionOf<L>;
}

/** @param lostRaces how many claims of this request lost to other nodes */
export function planClaim<L extends StoredLease>(
  request: LeaseRequest,
  { leases, unreadable, versionOf }: Listing<L>,
  lostRaces: number,
  random: Random,
): ClaimPlan<L> {
  const self = selfOf(request);
  const { own, rivals } = findOwnLeases(leases, self, versionOf);
  const fits = (lease: L) => fitsNetwork(request.config, lease.subnets);
  const isReplaced = (lease: L) => own.includes(lease) && (isById(lease, self) || !fits(lease));
  const others = leases.filter((lease) => !isReplaced(lease));
  const reuse = own.find((lease) => fits(lease) && !isClaimedBefore(lease, others)) ?? null;
  const isStale = (lease: L) =>
    !lease.isReservation && (!fits(lease) || (lease !== reuse && isById(lease, self)));
  const stale = own.filter(isStale);
  const taken = () => [
    ...unreadable,
    ...leases.filter((lease) => !stale.includes(lease)).map((lease) => lease.subnets),
  ];
  return {
    reuse,
    takenFrom: reuse === null ? null : takenFrom(reuse, self, versionOf),
    stale,
    claim: () => {
      // Another subnet would not help: peers cannot reach two nodes at one address, so all would refuse this one.
      const [rival] = rivals;
      if (rival !== undefined) refuseRival(rival);
      const subnets = allocate(request.config, {
        previous: request.previousSubnets,
        taken: taken(),
        random,
        // A lost race means that many nodes draw from the same few subnets: each doubles the number of candidates.
        candidates: CANDIDATES * 2 ** Math.min(lostRaces, 16),
      });
      return { subnets, blockers: blockersOf(subnets, taken()) };
    },
  };
}

/** The best of this node's own leases, to learn what it published last. */
export function previousLease<L extends StoredLease>(
  leases: readonly L[],
  request: PreviousRequest,
): L | null {
  return findOwnLeases(leases, selfOf({ ...request, held: null }), () => 0n).own[0] ?? null;
}

function selfOf(request: PreviousRequest & Pick<LeaseRequest, "held" | "dispute">): SelfDescription {
  const { content, previousSubnets, held, identity, dispute = NO_DISPUTE } = request;
  const known = identity === undefined ? {} : { identity };
  return { publicIps: content.publicIps, previousSubnets, held, dispute, ...known };
}

/** An operator finds the rest from these. */
const MAX_NAMED = 3;

export function warnOfBlockers(log: Log, { subnets, blockers }: PlannedClaim): void {
  if (blockers.length === 0) return;
  const named = blockers.slice(0, MAX_NAMED).join(", ");
  const reason = `${named} cannot be leased, as the network's subnets have another length; delete these keys`;
  const fields = { op: "acquire-lease", subnet: subnets, count: blockers.length, reason };
  log.warn(fields, "claiming a subnet that other keys overlap");
}
