/**
 * The switch-over of this node from one backend to the next: from state and event to state and effects. Pure. Here, and
 * nowhere else, is decided what the node receives on, what it publishes and when, what its own paths go by, and when a
 * backend that nothing uses is withdrawn. Every event is taken in the same way: what it says is noted, each backend moves
 * on as the table in phase.ts says, and what is then due is asked for.
 */
import { isDeepStrictEqual } from "node:util";
import {
  type Advertisement,
  handedOut,
  isNamed,
  newestOf,
  propagate,
  recordAdvertisement,
} from "./advertisement-history.ts";
import { advanceBatchDelay, startBatchDelay } from "./batch-delay.ts";
import type { SwitchOverEffect } from "./effect.ts";
import type { OnChannel, SwitchOverEvent } from "./event.ts";
import { advance, type Facts } from "./phase.ts";
import {
  accepted,
  activeBackends,
  type BackendLife,
  distinct,
  MAX_ACTIVE,
  plannedBackends,
  type SwitchOver,
  wantedAdvertisement,
} from "./state.ts";

/** How long an unused backend is received on: far more than a store takes to hand a lease out to all nodes. */
export const GRACE_MS = 30_000;

export interface Reduction<B extends OnChannel> {
  readonly state: SwitchOver<B>;
  /** To be carried out in this order. */
  readonly effects: readonly SwitchOverEffect<B>[];
}

/** @param nowMs monotonic */
export function reduce<B extends OnChannel>(
  before: SwitchOver<B>,
  event: SwitchOverEvent<B>,
  nowMs: number,
): Reduction<B> {
  const effects: SwitchOverEffect<B>[] = [];
  const take = ({ state, effects: further }: Reduction<B>): SwitchOver<B> => {
    effects.push(...further);
    return state;
  };
  const noted = withPropagation(note(before, event), nowMs);
  const isTurned = noted.history.inForce !== before.history.inForce;
  const isNews = CALLS_FOR_A_PLAN.has(event.kind) || isTurned || isDue(noted.replanAtMs, nowMs);
  let state = take(askForGuard(noted, event.kind === "kernel passed"));
  const active = activeBackends(state);
  state = withPhases(state, isNews, nowMs);
  state = take(askForPlan(state, isNews || !isSameList(activeBackends(state), active)));
  state = take(askToRetain(state));
  state = take(askToPublish(state, nowMs));
  return { state: take(askToWake(state)), effects };
}

const CALLS_FOR_A_PLAN: ReadonlySet<SwitchOverEvent<never>["kind"]> = new Set([
  "configuration accepted",
  "host changed",
  "lease published",
  "snapshot received",
]);

/** What the event says, and nothing that follows from it. */
function note<B extends OnChannel>(state: SwitchOver<B>, event: SwitchOverEvent<B>): SwitchOver<B> {
  switch (event.kind) {
    case "time passed":
      return state;
    case "configuration accepted":
      return withPreferred(state, event.backend);
    case "host changed":
      return { ...state, host: event.host };
    case "lease published": {
      const { advertisement, lease } = event;
      const history = recordAdvertisement(state.history, advertisement);
      const asked = state.asked === advertisement ? null : state.asked;
      return withHandedOut({ ...state, lease, history, asked });
    }
    case "lease lost":
      // The data path stays as it is while another is sought.
      return { ...state, lease: null, asked: null, batchDelay: null, isPlanDue: false, replanAtMs: null };
    case "snapshot received":
      return withHandedOut({ ...state, snapshot: event.snapshot });
    case "planned": {
      const { backends, used, replanAtMs } = event;
      const planned = new Set(backends);
      return { ...state, planned, used, replanAtMs, isPlanDue: false, isGuardDue: true };
    }
    case "kernel passed":
      return { ...state, hasPassed: true };
    case "parts reported":
      return { ...state, parts: event.parts };
    case "backends retained":
      return { ...state, retained: new Set(event.backends) };
  }
}

/** One of the same channel makes room for it, as both would be one device; of too many those that peers cannot know. */
function withPreferred<B extends OnChannel>(state: SwitchOver<B>, backend: B): SwitchOver<B> {
  const others = state.lives.filter((life) => life.backend !== backend);
  const staying = others.filter(
    (life) => life.phase !== "withdrawn" && life.backend.channel !== backend.channel,
  );
  const oldestFirst = staying.toReversed();
  const isKnown = (life: BackendLife<B>) => mayBeKnown(state, life.backend);
  const expendable = [...oldestFirst.filter((life) => !isKnown(life)), ...oldestFirst.filter(isKnown)];
  const surplus = expendable.slice(0, Math.max(0, staying.length + 1 - MAX_ACTIVE));
  const lives = others.map((life) => {
    const isReplaced = !staying.includes(life) || surplus.includes(life);
    return isReplaced ? { ...life, isReplaced } : life;
  });
  return { ...state, lives: [accepted(backend), ...lives] };
}

function withHandedOut<B extends OnChannel>(state: SwitchOver<B>): SwitchOver<B> {
  const { lease, snapshot, history } = state;
  if (lease === null || snapshot === null) return state;
  const own = snapshot.leases.find(({ key }) => key === lease.key) ?? null;
  return { ...state, handedOut: handedOut(history, own) };
}

/** Without a lease the paths stay as they are. */
function withPropagation<B extends OnChannel>(state: SwitchOver<B>, nowMs: number): SwitchOver<B> {
  if (state.lease === null) return state;
  return { ...state, history: propagate(state.history, state.handedOut, nowMs) };
}

/** @param isPlanStale what is used may be other than the last plan says, so nothing is dropped by that */
function withPhases<B extends OnChannel>(
  state: SwitchOver<B>,
  isPlanStale: boolean,
  nowMs: number,
): SwitchOver<B> {
  const [preferred, ...others] = state.lives as readonly [BackendLife<B>, ...BackendLife<B>[]];
  const first = moved(preferred, { ...factsOf(state, preferred), isPreferred: true }, nowMs);
  const mayDrop = first.some(({ phase }) => phase === "in force") && !isPlanStale && !state.isPlanDue;
  const rest = others.flatMap((life) => {
    const facts = factsOf(state, life);
    const isGraceOver = mayDrop && !facts.isUsed && isDue(graceEndMs(life), nowMs);
    return moved(life, { ...facts, isGraceOver }, nowMs);
  });
  return { ...state, lives: [...first, ...rest] };
}

function factsOf<B extends OnChannel>(state: SwitchOver<B>, { backend, isReplaced }: BackendLife<B>): Facts {
  const { history, parts, planned, retained, used } = state;
  const { kernel, effects, firewall } = parts;
  const stands = firewall && kernel.has(backend) && effects.has(backend) && retained.has(backend);
  return {
    isReplaced,
    isPreferred: false,
    isPlanned: planned.has(backend),
    isSettled: stands && state.isGuardDue ? null : stands,
    isAdvertised: newestOf(history)?.backends.includes(backend) === true,
    isInForce: history.inForce?.backends.includes(backend) === true,
    isUsed: used.has(backend.channel),
    isGraceOver: false,
    isNamed: mayBeKnown(state, backend),
  };
}

/** None when it is gone. */
function moved<B>(life: BackendLife<B>, facts: Facts, nowMs: number): readonly BackendLife<B>[] {
  const phase = advance(life.phase, facts);
  const unusedSinceMs = facts.isPreferred || facts.isUsed ? null : (life.unusedSinceMs ?? nowMs);
  return phase === "gone" ? [] : [{ ...life, phase, unusedSinceMs }];
}

function askForPlan<B extends OnChannel>(state: SwitchOver<B>, isWanted: boolean): Reduction<B> {
  if (!isWanted || state.isPlanDue || plannedBackends(state) === null) return { state, effects: [] };
  return { state: { ...state, isPlanDue: true, replanAtMs: null }, effects: [{ kind: "plan" }] };
}

/** After the kernel: to start a program holds this process up until it runs, and paths turn first. Not so at the start. */
function askForGuard<B extends OnChannel>(state: SwitchOver<B>, isPassed: boolean): Reduction<B> {
  if (!state.isGuardDue || (state.hasPassed && !isPassed)) return { state, effects: [] };
  // Until it is reported anew.
  const parts = { ...state.parts, firewall: false };
  return { state: { ...state, isGuardDue: false, parts }, effects: [{ kind: "guard" }] };
}

function askToPublish<B extends OnChannel>(state: SwitchOver<B>, nowMs: number): Reduction<B> {
  const { lease, asked, batchDelay, history } = state;
  const newest = newestOf(history);
  const wanted = wantedAdvertisement(state);
  if (asked !== null) {
    // What the store was asked before it may have written all the same: it is asked again whatever it had.
    return isSame(asked, wanted) ? { state, effects: [] } : publish(state, wanted);
  }
  // Peers do not know of the node yet, or it has lost its subnet: nobody turns on this.
  if (lease === null) return publish(state, wanted);
  if (newest !== null && isSame(newest, wanted))
    return { state: { ...state, batchDelay: null }, effects: [] };
  const delay = batchDelay === null ? startBatchDelay(nowMs) : advanceBatchDelay(batchDelay, nowMs);
  return delay === null ? publish(state, wanted) : { state: { ...state, batchDelay: delay }, effects: [] };
}

function publish<B extends OnChannel>(state: SwitchOver<B>, advertisement: Advertisement<B>): Reduction<B> {
  return {
    state: { ...state, asked: advertisement, batchDelay: null },
    effects: [{ kind: "publish", advertisement }],
  };
}

/** Also options that peers need not know: they come into force in the same way as all others. */
function isSame<B>(one: Advertisement<B>, other: Advertisement<B>): boolean {
  return isSameList(one.backends, other.backends) && isDeepStrictEqual(one.content, other.content);
}

/** Whatever is received on, and what peers may know beside it. */
function askToRetain<B extends OnChannel>(state: SwitchOver<B>): Reduction<B> {
  const known = state.lives.filter(({ backend }) => mayBeKnown(state, backend)).map(({ backend }) => backend);
  const backends = distinct([...activeBackends(state), ...known]);
  if (isSameList(backends, state.toRetain)) return { state, effects: [] };
  return { state: { ...state, toRetain: backends }, effects: [{ kind: "retain", backends }] };
}

function askToWake<B extends OnChannel>(state: SwitchOver<B>): Reduction<B> {
  const { batchDelay, history, isPlanDue, lease, lives, replanAtMs } = state;
  const mayDrop = lives[0]?.phase === "in force" && !isPlanDue;
  const times = [
    batchDelay?.dueMs,
    lease === null ? null : history.coming?.fromMs,
    isPlanDue ? null : replanAtMs,
    ...(mayDrop ? lives.map(graceEndMs) : []),
  ].filter((time) => typeof time === "number");
  const atMs = times.length === 0 ? null : Math.min(...times);
  if (atMs === state.wakeAtMs) return { state, effects: [] };
  return { state: { ...state, wakeAtMs: atMs }, effects: [{ kind: "wake", atMs }] };
}

/** Whether a lease that peers have read, or that the store may have been given, names it. */
function mayBeKnown<B extends OnChannel>({ asked, history }: SwitchOver<B>, backend: B): boolean {
  return isNamed(history, backend) || asked?.backends.includes(backend) === true;
}

function graceEndMs({ phase, unusedSinceMs }: BackendLife<unknown>): number | null {
  return unusedSinceMs === null || phase === "withdrawn" ? null : unusedSinceMs + GRACE_MS;
}

function isDue(atMs: number | null, nowMs: number): boolean {
  return atMs !== null && nowMs >= atMs;
}

function isSameList(one: readonly unknown[], other: readonly unknown[]): boolean {
  return one.length === other.length && one.every((item, index) => item === other[index]);
}
