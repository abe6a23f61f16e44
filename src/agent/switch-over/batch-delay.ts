/**
 * How long a change of what this node publishes waits before it is written to the store: until timers fire on time
 * again, or a second. Newly started threads and programs load a host for a moment; a node that publishes then makes its
 * peers switch their paths while its own switch is delayed. Changes during the delay join the same write. Pure.
 */

export interface BatchDelay {
  /** When the next timer is due, in monotonic time. */
  readonly dueMs: number;
  /** Timers in a row that fired on time. */
  readonly onTime: number;
  readonly deadlineMs: number;
}

const TIMER_MS = 10;
const TIMERS = 3;
/** Timers have a resolution of a millisecond, and fire one after the other. */
const TOLERANCE_MS = 4;
const MAX_DELAY_MS = 1000;

export function startBatchDelay(nowMs: number): BatchDelay {
  return { dueMs: nowMs + TIMER_MS, onTime: 0, deadlineMs: nowMs + MAX_DELAY_MS };
}

/** @returns the same delay before its timer is due; null when it is over */
export function advanceBatchDelay(delay: BatchDelay, nowMs: number): BatchDelay | null {
  const { dueMs, deadlineMs } = delay;
  if (nowMs < dueMs) return delay;
  const onTime = nowMs - dueMs <= TOLERANCE_MS ? delay.onTime + 1 : 0;
  if (onTime >= TIMERS || nowMs >= deadlineMs) return null;
  return { dueMs: nowMs + TIMER_MS, onTime, deadlineMs };
}
