/**
 * How long a change of what this node publishes waits before the store has it: until timers fire on time again, or a
 * second. Threads and programs that were just started keep a host busy for a moment, and a node that publishes then makes
 * its peers turn their paths while it is late with its own. Changes in the meantime join the same write. Pure.
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
/** Timers have a resolution of a millisecond, and fire in turn. */
const TOLERANCE_MS = 4;
const LONGEST_MS = 1000;

export function startBatchDelay(nowMs: number): BatchDelay {
  return { dueMs: nowMs + TIMER_MS, onTime: 0, deadlineMs: nowMs + LONGEST_MS };
}

/** @returns the same delay before its timer is due; null when it is over */
export function advanceBatchDelay(delay: BatchDelay, nowMs: number): BatchDelay | null {
  const { dueMs, deadlineMs } = delay;
  if (nowMs < dueMs) return delay;
  const onTime = nowMs - dueMs <= TOLERANCE_MS ? delay.onTime + 1 : 0;
  if (onTime >= TIMERS || nowMs >= deadlineMs) return null;
  return { dueMs: nowMs + TIMER_MS, onTime, deadlineMs };
}
