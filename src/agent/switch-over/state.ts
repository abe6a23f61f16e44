/** All that the switch-over knows, and what follows from it at once. Plain data; reducer.ts alone makes it anew. */
import type { Lease, LeaseContent, LeaseSnapshot } from "../../lease/lease.ts";
import {
  type Advertisement,
  type AdvertisementHistory,
  newestOf,
  startHistory,
} from "./advertisement-history.ts";
import type { BatchDelay } from "./batch-delay.ts";
import type { Advertiser, OnChannel, Parts } from "./event.ts";
import type { Phase } from "./phase.ts";

/** A lease has room for 4 KiB. */
export const MAX_ACTIVE = 6;

export interface BackendLife<B> {
  readonly backend: B;
  readonly phase: Phase;
  /** Another one with its channel was accepted, or too many others. */
  readonly isReplaced: boolean;
  /** Monotonic; null while a path uses it, and while it is preferred. */
  readonly unusedSinceMs: number | null;
}

export interface SwitchOver<B extends OnChannel> {
  /** The preferred one first, then from new to old. */
  readonly lives: readonly BackendLife<B>[];
  readonly host: Advertiser<B>;
  /** This node's lease; null before it has one, and while another is sought. */
  readonly lease: Lease | null;
  readonly snapshot: LeaseSnapshot | null;
  readonly history: AdvertisementHistory<B>;
  /** What the newest snapshot has of the history. */
  readonly handedOut: Advertisement<B> | null;
  /** What the store is to publish and has not acknowledged. */
  readonly asked: Advertisement<B> | null;
  /** Runs before the store is asked to publish a change. */
  readonly batchDelay: BatchDelay | null;
  /** A plan was asked for and is not made yet. */
  readonly isPlanDue: boolean;
  readonly replanAtMs: number | null;
  /** What the last plan receives on, and the channels of its paths. */
  readonly planned: ReadonlySet<B>;
  readonly used: ReadonlySet<string>;
  /** The firewall has yet to be told of the last plan. */
  readonly isGuardDue: boolean;
  /** The kernel has had its first pass. */
  readonly hasPassed: boolean;
  readonly parts: Parts<B>;
  /** What the retained-backends file was last to hold, and what it holds. */
  readonly toRetain: readonly B[];
  readonly retained: ReadonlySet<B>;
  readonly wakeAtMs: number | null;
}

export interface Beginning<B> {
  /** As the configuration says. */
  readonly preferred: B;
  /** What an earlier daemon of this node retained. */
  readonly retained: readonly B[];
  /** What the store has of that daemon, and peers go by; null where it has nothing. */
  readonly lastLease: LeaseContent | null;
  /** Whether a node that published this can be sent to by the backend. */
  isOffered(backend: B, lease: LeaseContent): boolean;
  readonly host: Advertiser<B>;
}

/** A daemon that starts first publishes what peers know, as far as it can still receive on it. */
export function begin<B extends OnChannel>(beginning: Beginning<B>): SwitchOver<B> {
  const { preferred, retained, lastLease, host } = beginning;
  const isKnown = (backend: B) => lastLease !== null && beginning.isOffered(backend, lastLease);
  const backends = distinct([preferred, ...retained.filter(isKnown)]).slice(0, MAX_ACTIVE);
  const known = backends.filter(isKnown);
  const lastLife = lastLease === null || known.length === 0 ? null : { content: lastLease, backends: known };
  return {
    lives: backends.map(accepted),
    host,
    lease: null,
    snapshot: null,
    history: startHistory(lastLife),
    handedOut: null,
    asked: null,
    batchDelay: null,
    isPlanDue: false,
    replanAtMs: null,
    planned: new Set(),
    used: new Set(),
    isGuardDue: false,
    hasPassed: false,
    parts: { kernel: new Set(), effects: new Set(), firewall: false },
    toRetain: [],
    retained: new Set(),
    wakeAtMs: null,
  };
}

export function accepted<B>(backend: B): BackendLife<B> {
  return { backend, phase: "accepted", isReplaced: false, unusedSinceMs: null };
}

/** The backend that the configuration in force names. */
export function preferredOf<B extends OnChannel>({ lives }: SwitchOver<B>): B {
  return (lives[0] as BackendLife<B>).backend;
}

/** What this node receives on or is to, the preferred one first. */
export function activeBackends<B extends OnChannel>({ lives }: SwitchOver<B>): readonly B[] {
  return lives.filter(({ phase }) => phase !== "withdrawn").map(({ backend }) => backend);
}

export interface PlannedBackends<B> {
  readonly lease: Lease;
  readonly snapshot: LeaseSnapshot;
  /** What this node receives on from now on. */
  readonly receiving: readonly B[];
  /** What its own paths are chosen from. */
  readonly inForce: readonly B[];
}

/** What to plan with; null while nothing may be touched: without lease and snapshot every peer would look gone. */
export function plannedBackends<B extends OnChannel>(state: SwitchOver<B>): PlannedBackends<B> | null {
  const { lease, snapshot, history } = state;
  if (lease === null || snapshot === null || history.inForce === null) return null;
  return {
    lease,
    snapshot,
    receiving: usable(state, activeBackends(state)),
    inForce: usable(state, history.inForce.backends),
  };
}

/** Those of which {@link Parts} are to be reported: the lives of all others go on without. */
export function settlingBackends<B extends OnChannel>({ lives }: SwitchOver<B>): readonly B[] {
  const isSettling = (phase: Phase) => phase === "programmed" || phase === "receiving";
  return lives.filter(({ phase }) => isSettling(phase)).map(({ backend }) => backend);
}

/**
 * What the store is to have: of the active backends those that peers know or that are received on by now. Of a channel
 * whose options have changed it is the backend with the options that peers know, until the new one is received on. The
 * first lease names all, for nobody sends to a node that has none.
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
          return newest.backends.find((each) => each.channel === backend.channel && host.suits(each)) ?? [];
        });
  const backends = ready.length === 0 ? active : ready;
  return { content: host.contentOf(backends), backends };
}

export function phaseOf<B extends OnChannel>({ lives }: SwitchOver<B>, backend: B): Phase | null {
  return lives.find((life) => life.backend === backend)?.phase ?? null;
}

/** Without those that the host does not suit any more, unless that is all. */
function usable<B extends OnChannel>(
  { host }: Pick<SwitchOver<B>, "host">,
  backends: readonly B[],
): readonly B[] {
  const suitable = backends.filter((backend) => host.suits(backend));
  return suitable.length === 0 ? backends : suitable;
}

/** The first of each channel: two of one would be one device. */
export function distinct<B extends OnChannel>(backends: readonly B[]): readonly B[] {
  return backends.filter(
    ({ channel }, index) => backends.findIndex((each) => each.channel === channel) === index,
  );
}
