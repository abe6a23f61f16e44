/** Deadlines on a clock that is passed in. */
import { abortable } from "./abortable.ts";
import type { Clock } from "./clock.ts";

/** Whether the promise settles within `ms`. It goes on in either case. */
export function settlesWithin(clock: Clock, ms: number, promise: Promise<unknown>): Promise<boolean> {
  const settled = promise.then(
    () => true,
    () => true,
  );
  return withDeadline(clock, ms, (late) => abortable(settled, late).catch(() => false));
}

/**
 * Gives `work` a signal that aborts after `ms`; `work` decides what that means. Other than AbortSignal.timeout it may be
 * passed to AbortSignal.any: Node.js 20 collects such a timeout as garbage before it aborts.
 */
export async function withDeadline<T>(
  clock: Clock,
  ms: number,
  work: (late: AbortSignal) => Promise<T>,
): Promise<T> {
  const late = new AbortController();
  const timer = clock.startTimer(ms, () => late.abort(new Error(`no result within ${ms / 1000} s`)));
  try {
    return await work(late.signal);
  } finally {
    timer.cancel();
  }
}
