/**
 * The switch-over of this node from one backend to the next: from state and event to state and effects. Pure. This is
 * the only place that decides on which backends the node receives, what it publishes and when, which advertisement its
 * own paths follow, when an unused backend is withdrawn, and when peers that the store no longer lists are. Each event
 * is handled in the same steps: record its data, advance each backend by the table in phase.ts, request the effects
 * that are due.
 */
import { isSameData } from "../../runtime/same-data.ts";
import { isSameList } from "../../runtime/same-list.ts";
import {
  type Advertisement,
  handedOut,
  isNamed,
  namedBackends,
  newestOf,
  propagate,
  recordAdvertisement,
} from "./advertisement-history.ts";
import { advanceBatchDelay, startBatchDelay } from "./batch-delay.ts";
import type { SwitchOverEffect } from "./effect.ts";
import type { OnChannel, SwitchOverEvent } from "./event.ts";
import { checkGrace, graceEndMs, nextCheckMs, setStoreAway } from "./grace.ts";
import {
  beginReading,
  conclude,
  confirm,
  effectiveSnapshot,
  failReading,
  NO_WITHDRAWALS,
  nextDueMs,
  receive,
  type Withdrawals,
} from "./mass-withdrawal.ts";
import { advance, type Facts } from "./phase.ts";
import {
  accepted,
  distinct,
  MAX_ACTIVE,
  plannedBackends,
  receivingBackends,
  type SwitchOver,
  type TrackedBackend,
  wantedAdvertisement,
} from "./state.ts";

export interface Reduction<B extends OnChannel> {
  readonly state: SwitchOver<B>;
  /** In the order in which they must be carried out. */
  readonly effects: readonly SwitchOverEffect<B>[];
}

/** @param nowMs monotonic */
export function reduce<B extends OnChannel>(
  before: SwitchOver<B>,
  event: SwitchOverEvent<B>,
  nowMs: number,
): Reduction<B> {
  const effects: SwitchOverEffect<B>[] = [];
  const collect = ({ state, effects: further }: Reduction<B>): SwitchOver<B> => {
    effects.push(...further);
    return state;
  };
  const stored = record(checkGrace<B, SwitchOver<B>>(before, nowMs), event, nowMs);
  const recorded = withPropagation(withWithdrawals(stored, conclude(stored.withdrawals, nowMs)), nowMs);
  const hasSwitched = recorded.history.inForce !== before.history.inForce;
  const needsPlan =
    EVENTS_THAT_NEED_A_PLAN.has(event.kind) ||
    recorded.snapshot !== before.snapshot ||
    hasSwitched ||
    isDue(recorded.replanAtMs, nowMs);
  let state = collect(requestFirewall(recorded, event.kind === "kernel passed"));
  const receiving = receivingBackends(state);
  state = withPhases(state, needsPlan, nowMs);
  state = collect(requestPlan(state, needsPlan || !isSameList(receivingBackends(state), receiving)));
  state = collect(requestRetention(state));
  state = collect(requestPublication(state, nowMs));
  state = collect(requestReading(state, nowMs));
  if (
    state.withdrawals.missing !== before.withdrawals.missing ||
    state.withdrawals.fault !== before.withdrawals.fault
  )
    effects.push({ kind: "report withdrawals" });
  return { state: collect(requestWake(state)), effects };
}

const EVENTS_THAT_NEED_A_PLAN: ReadonlySet<SwitchOverEvent<never>["kind"]> = new Set([
  "configuration accepted",
  "host changed",
  "lease published",
  "snapshot received",
]);

/** Records the event's data, without its consequences. */
function record<B extends OnChannel>(
  state: SwitchOver<B>,
  event: SwitchOverEvent<B>,
  nowMs: number,
): SwitchOver<B> {
  switch (event.kind) {
    case "time passed":
      return state;
    case "configuration accepted":
      return withPreferred(state, event.backend);
    case "host changed":
      return { ...state, host: event.host };
    case "store health changed":
      return setStoreAway<B, SwitchOver<B>>(state, event.isAway, nowMs);
    case "lease published": {
      const { advertisement, lease } = event;
      const history = recordAdvertisement(state.history, advertisement);
      const requested = state.requested === advertisement ? null : state.requested;
      return withHandedOut({ ...state, lease, history, requested });
    }
    case "lease lost":
      // The data path stays as it is while another lease is acquired.
      return { ...state, lease: null, requested: null, batchDelay: null, isPlanDue: false, replanAtMs: null };
    case "snapshot received":
      return withWithdrawals(state, receive(state.withdrawals, state.snapshot, event.snapshot, nowMs));
    case "leases read":
      return withWithdrawals(state, confirm(state.withdrawals, event.leases, nowMs));
    case "leases not read":
      return withWithdrawals(state, failReading(state.withdrawals, event.reason, nowMs));
    case "planned": {
      const { backends, used, peers: programmed, replanAtMs } = event;
      const planned = new Set(backends);
      const withdrawals = { ...state.withdrawals, programmed, former: NO_WITHDRAWALS.former };
      return { ...state, planned, used, withdrawals, replanAtMs, isPlanDue: false, isFirewallDue: true };
    }
    case "kernel passed":
      return { ...state, hasPassed: true };
    case "parts reported":
      return { ...state, parts: event.parts };
    case "backends retained":
      return { ...state, retained: new Set(event.backends) };
  }
}

/** Replaces one of the same channel, as both would be one device, and of too many first those unknown to peers. */
function withPreferred<B extends OnChannel>(state: SwitchOver<B>, backend: B): SwitchOver<B> {
  const others = state.tracked.filter((entry) => entry.backend !== backend);
  const remaining = others.filter(
    (entry) => entry.phase !== "withdrawn" && entry.backend.channel !== backend.channel,
  );
  const oldestFirst = remaining.toReversed();
  const isKnown = (entry: TrackedBackend<B>) => mayBeKnown(state, entry.backend);
  const expendable = [...oldestFirst.filter((entry) => !isKnown(entry)), ...oldestFirst.filter(isKnown)];
  const surplus = expendable.slice(0, Math.max(0, remaining.length + 1 - MAX_ACTIVE));
  const tracked = others.map((entry) => {
    const isReplaced = !remaining.includes(entry) || surplus.includes(entry);
    return isReplaced ? { ...entry, isReplaced } : entry;
  });
  return { ...state, tracked: [accepted(backend), ...tracked] };
}

function withHandedOut<B extends OnChannel>(state: SwitchOver<B>): SwitchOver<B> {
  const { lease, snapshot, history } = state;
  if (lease === null || snapshot === null) return state;
  const own = snapshot.leases.find(({ key }) => key === lease.key) ?? null;
  return { ...state, handedOut: handedOut(history, own) };
}

function withWithdrawals<B extends OnChannel>(state: SwitchOver<B>, withdrawals: Withdrawals): SwitchOver<B> {
  const { received, missing } = state.withdrawals;
  const isSame = withdrawals.received === received && withdrawals.missing === missing;
  if (isSame) return { ...state, withdrawals };
  return withHandedOut({ ...state, withdrawals, snapshot: effectiveSnapshot(withdrawals) });
}

/** Without a lease the paths stay as they are. */
function withPropagation<B extends OnChannel>(state: SwitchOver<B>, nowMs: number): SwitchOver<B> {
  if (state.lease === null) return state;
  return { ...state, history: propagate(state.history, state.handedOut, nowMs) };
}

/** @param isPlanStale the used channels may have changed since the last plan, so no backend is dropped by them */
function withPhases<B extends OnChannel>(
  state: SwitchOver<B>,
  isPlanStale: boolean,
  nowMs: number,
): SwitchOver<B> {
  const [preferred, ...others] = state.tracked as readonly [TrackedBackend<B>, ...TrackedBackend<B>[]];
  const first = advanced(preferred, { ...factsOf(state, preferred), isPreferred: true }, nowMs);
  const mayDrop = first.some(({ phase }) => phase === "in force") && !isPlanStale && !state.isPlanDue;
  const rest = others.flatMap((entry) => {
    const facts = factsOf(state, entry);
    const isGraceOver = mayDrop && !facts.isUsed && isDue(graceEndMs(entry, state.grace), nowMs);
    return advanced(entry, { ...facts, isGraceOver }, nowMs);
  });
  return { ...state, tracked: [...first, ...rest] };
}

function factsOf<B extends OnChannel>(
  state: SwitchOver<B>,
  { backend, isReplaced }: TrackedBackend<B>,
): Facts {
  const { history, parts, planned, retained, used } = state;
  const { kernel, effects, firewall } = parts;
  const isApplied = firewall && kernel.has(backend) && effects.has(backend) && retained.has(backend);
  return {
    isReplaced,
    isPreferred: false,
    isPlanned: planned.has(backend),
    isConverged: isApplied && state.isFirewallDue ? null : isApplied,
    isAdvertised: newestOf(history)?.backends.includes(backend) === true,
    isInForce: history.inForce?.backends.includes(backend) === true,
    isUsed: used.has(backend.channel),
    isGraceOver: false,
    isNamed: mayBeKnown(state, backend),
  };
}

/** Empty when it is gone. */
function advanced<B>(entry: TrackedBackend<B>, facts: Facts, nowMs: number): readonly TrackedBackend<B>[] {
  const phase = advance(entry.phase, facts);
  const unusedSinceMs = facts.isPreferred || facts.isUsed ? null : (entry.unusedSinceMs ?? nowMs);
  if (phase === "gone") return [];
  const isSame = phase === entry.phase && unusedSinceMs === entry.unusedSinceMs;
  return [isSame ? entry : { ...entry, phase, unusedSinceMs }];
}

function requestPlan<B extends OnChannel>(state: SwitchOver<B>, isWanted: boolean): Reduction<B> {
  if (!isWanted || state.isPlanDue || plannedBackends(state) === null) return { state, effects: [] };
  return { state: { ...state, isPlanDue: true, replanAtMs: null }, effects: [{ kind: "plan" }] };
}

/** After the kernel pass, except at the start: to spawn a program blocks this process, and paths must switch first. */
function requestFirewall<B extends OnChannel>(state: SwitchOver<B>, isAfterPass: boolean): Reduction<B> {
  if (!state.isFirewallDue || (state.hasPassed && !isAfterPass)) return { state, effects: [] };
  // False until its next report.
  const parts = { ...state.parts, firewall: false };
  return { state: { ...state, isFirewallDue: false, parts }, effects: [{ kind: "update firewall" }] };
}

function requestPublication<B extends OnChannel>(state: SwitchOver<B>, nowMs: number): Reduction<B> {
  const { lease, requested, batchDelay, history } = state;
  const newest = newestOf(history);
  const wanted = wantedAdvertisement(state);
  if (requested !== null) {
    // The store may have written an earlier request after all, so it gets the new one even if that is acknowledged.
    return isSame(requested, wanted) ? { state, effects: [] } : publish(state, wanted);
  }
  // Peers do not know the node yet, or it has lost its subnet: no path switches because of this.
  if (lease === null) return publish(state, wanted);
  if (newest !== null && isSame(newest, wanted))
    return { state: { ...state, batchDelay: null }, effects: [] };
  const delay = batchDelay === null ? startBatchDelay(nowMs) : advanceBatchDelay(batchDelay, nowMs);
  return delay === null ? publish(state, wanted) : { state: { ...state, batchDelay: delay }, effects: [] };
}

function publish<B extends OnChannel>(state: SwitchOver<B>, advertisement: Advertisement<B>): Reduction<B> {
  return {
    state: { ...state, requested: advertisement, batchDelay: null },
    effects: [{ kind: "publish", advertisement }],
  };
}

/** Compares backends too: options that peers need not know come into force in the same way as all others. */
function isSame<B>(one: Advertisement<B>, other: Advertisement<B>): boolean {
  return isSameList(one.backends, other.backends) && isSameData(one.content, other.content);
}

function requestReading<B extends OnChannel>(state: SwitchOver<B>, nowMs: number): Reduction<B> {
  const withdrawals = beginReading(state.withdrawals, nowMs);
  if (withdrawals === state.withdrawals) return { state, effects: [] };
  return { state: { ...state, withdrawals }, effects: [{ kind: "read leases" }] };
}

/**
 * A withdrawn backend is tracked while peers may know it, so a restart has to receive on it too. Of a channel whose options
 * have changed also the ones that peers know: the next daemon publishes the new ones no sooner than this one.
 */
function requestRetention<B extends OnChannel>(state: SwitchOver<B>): Reduction<B> {
  const receiving = distinct(receivingBackends(state));
  const known = namedBackends(state.history).filter((backend) => !receiving.includes(backend));
  const backends = [...receiving, ...known];
  if (isSameList(backends, state.toRetain)) return { state, effects: [] };
  return { state: { ...state, toRetain: backends }, effects: [{ kind: "retain", backends }] };
}

function requestWake<B extends OnChannel>(state: SwitchOver<B>): Reduction<B> {
  const { batchDelay, history, isPlanDue, lease, tracked, grace, replanAtMs } = state;
  const mayDrop = tracked[0]?.phase === "in force" && !isPlanDue;
  const times = [
    batchDelay?.dueMs,
    lease === null ? null : history.pending?.fromMs,
    isPlanDue ? null : replanAtMs,
    ...(mayDrop ? tracked.map((entry) => graceEndMs(entry, grace)) : []),
    nextCheckMs(grace),
    nextDueMs(state.withdrawals),
  ].filter((time): time is number => Number.isFinite(time));
  const atMs = times.length === 0 ? null : Math.min(...times);
  if (atMs === state.wakeAtMs) return { state, effects: [] };
  return { state: { ...state, wakeAtMs: atMs }, effects: [{ kind: "wake", atMs }] };
}

/** Whether a lease that peers may have read, or that the store may have received, names it. */
function mayBeKnown<B extends OnChannel>({ requested, history }: SwitchOver<B>, backend: B): boolean {
  return isNamed(history, backend) || requested?.backends.includes(backend) === true;
}

function isDue(atMs: number | null, nowMs: number): boolean {
  return atMs !== null && nowMs >= atMs;
}
