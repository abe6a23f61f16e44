import type { Clock } from "../../runtime/clock.ts";

const NAP_MS = 10;
const NAPS = 3;
/** Timers have a resolution of a millisecond, and fire in turn. */
const ON_TIME_MS = 4;
const LONGEST_MS = 1000;

/**
 * Resolves when this process gets to run on time, or after a second. To have started threads and programs keeps a
 * host busy for a moment; whoever says then that it has changed sets off turns of paths at which it is late itself.
 */
export async function untilCalm(clock: Clock, signal: AbortSignal): Promise<void> {
  const deadlineMs = clock.nowMs() + LONGEST_MS;
  for (let onTime = 0; onTime < NAPS && clock.nowMs() < deadlineMs; ) {
    const dueMs = clock.nowMs() + NAP_MS;
    await clock.sleep(NAP_MS, signal);
    onTime = clock.nowMs() - dueMs <= ON_TIME_MS ? onTime + 1 : 0;
  }
}
