/** The state of the switch-over, and what derives from it. Plain data; only reducer.ts creates new states. */
import type { Lease, LeaseContent, LeaseSnapshot } from "../../lease/lease.ts";
import { isSameData } from "../../runtime/same-data.ts";
import {
  type Advertisement,
  type AdvertisementHistory,
  newestOf,
  startHistory,
} from "./advertisement-history.ts";
import type { BatchDelay } from "./batch-delay.ts";
import type { Advertiser, OnChannel, Parts } from "./event.ts";
import { type Grace, NO_GRACE } from "./grace.ts";
import { NO_WITHDRAWALS, type Withdrawals } from "./mass-withdrawal.ts";
import type { Phase } from "./phase.ts";

/** The data of a lease is limited to 4 KiB. */
export const MAX_ACTIVE = 6;

export interface TrackedBackend<B> {
  readonly backend: B;
  readonly phase: Phase;
  /** Another backend of its channel was accepted, or too many others. */
  readonly isReplaced: boolean;
  /**
   * Monotonic; null while a path uses it, and while it is preferred. Later than that when the node could not learn of
   * changes meanwhile, see grace.ts.
   */
  readonly unusedSinceMs: number | null;
}

export interface SwitchOver<B extends OnChannel> {
  /** The preferred one first, then newest to oldest. */
  readonly tracked: readonly TrackedBackend<B>[];
  readonly grace: Grace;
  readonly host: Advertiser<B>;
  /** This node's lease; null before the first, and while another is acquired. */
  readonly lease: Lease | null;
  /** The leases to plan from: the newest snapshot, and peers whose withdrawal is held back. */
  readonly snapshot: LeaseSnapshot | null;
  readonly withdrawals: Withdrawals;
  readonly history: AdvertisementHistory<B>;
  /** The advertisement in the newest snapshot. */
  readonly handedOut: Advertisement<B> | null;
  /** Requested from the store and not yet acknowledged. */
  readonly requested: Advertisement<B> | null;
  /** Runs before a change is published. */
  readonly batchDelay: BatchDelay | null;
  /** A plan was requested and is not made yet. */
  readonly isPlanDue: boolean;
  readonly replanAtMs: number | null;
  /** Backends on which the last plan receives, and the channels of its paths. */
  readonly planned: ReadonlySet<B>;
  readonly used: ReadonlySet<string>;
  /** The firewall has not received the last plan. */
  readonly isFirewallDue: boolean;
  /** The first pass over the kernel has ended. */
  readonly hasPassed: boolean;
  readonly parts: Parts<B>;
  /** The last list requested for the retained-backends file, and the list that the file holds. */
  readonly toRetain: readonly B[];
  readonly retained: ReadonlySet<B>;
  readonly wakeAtMs: number | null;
}

export interface InitialInputs<B> {
  /** From the configuration. */
  readonly preferred: B;
  /** Backends that an earlier daemon of this node retained. */
  readonly retained: readonly B[];
  /** The lease of that daemon, which peers still use; null where the store has none. */
  readonly lastLease: LeaseContent | null;
  /** Keys of the peers that it knew. */
  readonly formerPeers: ReadonlySet<string>;
  /** Whether the backend can send to a node with this lease. */
  isOffered(backend: B, lease: LeaseContent): boolean;
  readonly host: Advertiser<B>;
}

/** A daemon that starts first publishes the backends that peers know and on which it can still receive. */
export function initialState<B extends OnChannel>(inputs: InitialInputs<B>): SwitchOver<B> {
  const { preferred, retained, lastLease, formerPeers, host } = inputs;
  const isKnown = (backend: B) => lastLease !== null && inputs.isOffered(backend, lastLease);
  const backends = distinct([preferred, ...retained.filter(isKnown)]).slice(0, MAX_ACTIVE);
  // The configuration may have changed since: peers know the options of the lease, and the firewall admits no others yet.
  const isPublished = (backend: B) =>
    lastLease !== null &&
    host.supports(backend) &&
    host.contentOf([backend]).offers.every((own) => lastLease.offers.some((offer) => isSameData(offer, own)));
  const published = [preferred, ...retained].filter(isPublished);
  const known = backends
    .filter(isKnown)
    .map((backend) => published.find(({ channel }) => channel === backend.channel) ?? backend);
  const earlier = lastLease === null || known.length === 0 ? null : { content: lastLease, backends: known };
  return {
    tracked: backends.map(accepted),
    grace: NO_GRACE,
    host,
    lease: null,
    snapshot: null,
    withdrawals: { ...NO_WITHDRAWALS, former: formerPeers },
    history: startHistory(earlier),
    handedOut: null,
    requested: null,
    batchDelay: null,
    isPlanDue: false,
    replanAtMs: null,
    planned: new Set(),
    used: new Set(),
    isFirewallDue: false,
    hasPassed: false,
    parts: { kernel: new Set(), effects: new Set(), firewall: false },
    toRetain: [],
    retained: new Set(),
    wakeAtMs: null,
  };
}

export function accepted<B>(backend: B): TrackedBackend<B> {
  return { backend, phase: "accepted", isReplaced: false, unusedSinceMs: null };
}

/** The backend that the configuration in force names. */
export function preferredOf<B extends OnChannel>({ tracked }: SwitchOver<B>): B {
  return (tracked[0] as TrackedBackend<B>).backend;
}

/** Backends on which this node receives or will receive, the preferred one first. */
export function activeBackends<B extends OnChannel>({ tracked }: SwitchOver<B>): readonly B[] {
  return tracked.filter(({ phase }) => phase !== "withdrawn").map(({ backend }) => backend);
}

/** The active ones, then withdrawn ones by which peers may still send: without a named one, a withdrawn one is gone. */
export function receivingBackends<B extends OnChannel>(state: SwitchOver<B>): readonly B[] {
  const withdrawn = state.tracked.filter(({ phase }) => phase === "withdrawn");
  return [...activeBackends(state), ...withdrawn.map(({ backend }) => backend)];
}

export interface PlannedBackends<B> {
  readonly lease: Lease;
  readonly snapshot: LeaseSnapshot;
  /** Backends on which this node receives from now on. */
  readonly receiving: readonly B[];
  /** Backends from which its own paths are chosen. */
  readonly inForce: readonly B[];
}

/** The inputs of a plan; null until lease and snapshot are known: without them every peer would look gone. */
export function plannedBackends<B extends OnChannel>(state: SwitchOver<B>): PlannedBackends<B> | null {
  const { lease, snapshot, history } = state;
  if (lease === null || snapshot === null || history.inForce === null) return null;
  return {
    lease,
    snapshot,
    receiving: usable(state, receivingBackends(state)),
    inForce: usable(state, history.inForce.backends),
  };
}

/** Backends for which {@link Parts} must be reported: the phases of all others do not depend on them. */
export function convergingBackends<B extends OnChannel>({ tracked }: SwitchOver<B>): readonly B[] {
  const isConverging = (phase: Phase) => phase === "programmed" || phase === "receiving";
  return tracked.filter(({ phase }) => isConverging(phase)).map(({ backend }) => backend);
}

/**
 * The advertisement to publish: the active backends that peers know, or on which the node already receives. For a
 * channel whose options have changed, the backend with the options that peers know, until the node receives on the new
 * one. The first lease names all backends, as no peer sends to a node without a lease.
 */
export function wantedAdvertisement<B extends OnChannel>(state: SwitchOver<B>): Advertisement<B> {
  const { host } = state;
  const newest = newestOf(state.history);
  const active = usable(state, activeBackends(state));
  const ready =
    newest === null
      ? []
      : active.flatMap((backend) => {
          const isKnown = newest.backends.includes(backend);
          if (isKnown || phaseOf(state, backend) === "receiving") return backend;
          return (
            newest.backends.find((each) => each.channel === backend.channel && host.supports(each)) ?? []
          );
        });
  const backends = ready.length === 0 ? active : ready;
  return { content: host.contentOf(backends), backends };
}

export function phaseOf<B extends OnChannel>({ tracked }: SwitchOver<B>, backend: B): Phase | null {
  return tracked.find((entry) => entry.backend === backend)?.phase ?? null;
}

/** Without backends that the host no longer supports, unless it supports none. */
function usable<B extends OnChannel>(
  { host }: Pick<SwitchOver<B>, "host">,
  backends: readonly B[],
): readonly B[] {
  const suitable = backends.filter((backend) => host.supports(backend));
  return suitable.length === 0 ? backends : suitable;
}

/** The first backend of each channel: two of one channel would be one device. */
export function distinct<B extends OnChannel>(backends: readonly B[]): readonly B[] {
  return backends.filter(
    ({ channel }, index) => backends.findIndex((each) => each.channel === channel) === index,
  );
}
