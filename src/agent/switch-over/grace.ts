/**
 * The grace time of unused backends: how long the node still receives on one. It counts only while the node learns of
 * changes in the store. A peer may turn back to a backend while the store is away for this node alone, or while this
 * process is stopped. Pure.
 */
import type { TrackedBackend } from "./state.ts";

/** Far more than a store needs to hand out a lease to all nodes. */
export const GRACE_MS = 30_000;
/** While a grace time runs, the time is checked this often … */
const CHECK_MS = 5_000;
/** … and after a longer gap than this the process was stopped, and may have events of that time yet to read. */
const STOPPED_MS = 10_000;

export interface Grace {
  readonly isStoreAway: boolean;
  /** Monotonic; null while no grace time runs. */
  readonly checkedAtMs: number | null;
}

export const NO_GRACE: Grace = { isStoreAway: false, checkedAtMs: null };

interface WithGrace<B> {
  readonly tracked: readonly TrackedBackend<B>[];
  readonly grace: Grace;
}

/** To be called with each event. Starts all grace times anew after the process was stopped. */
export function checkGrace<B, S extends WithGrace<B>>(state: S, nowMs: number): S {
  const { tracked, grace } = state;
  const { checkedAtMs } = grace;
  const isRunning = tracked.some((entry) => graceEndMs(entry, grace) !== null);
  const gapMs = checkedAtMs === null ? 0 : nowMs - checkedAtMs;
  const isDue = isRunning ? checkedAtMs === null || gapMs >= CHECK_MS : checkedAtMs !== null;
  if (!isDue) return state;
  const checked = { ...state, grace: { ...grace, checkedAtMs: isRunning ? nowMs : null } };
  return gapMs > STOPPED_MS ? restartGrace<B, S>(checked, nowMs) : checked;
}

export function setStoreAway<B, S extends WithGrace<B>>(state: S, isStoreAway: boolean, nowMs: number): S {
  if (isStoreAway === state.grace.isStoreAway) return state;
  return restartGrace<B, S>({ ...state, grace: { ...state.grace, isStoreAway } }, nowMs);
}

/** null while the backend is used or the node is unaware of changes, and once it is withdrawn. */
export function graceEndMs(
  { phase, unusedSinceMs }: TrackedBackend<unknown>,
  { isStoreAway }: Grace,
): number | null {
  if (unusedSinceMs === null || phase === "withdrawn" || isStoreAway) return null;
  return unusedSinceMs + GRACE_MS;
}

/** null while no grace time runs. */
export function nextCheckMs({ checkedAtMs }: Grace): number | null {
  return checkedAtMs === null ? null : checkedAtMs + CHECK_MS;
}

function restartGrace<B, S extends WithGrace<B>>(state: S, nowMs: number): S {
  const restart = (entry: TrackedBackend<B>) =>
    entry.unusedSinceMs === null ? entry : { ...entry, unusedSinceMs: nowMs };
  return { ...state, tracked: state.tracked.map(restart) };
}
