import { systemClock } from "../../src/runtime/clock.ts";

/** Far beyond every bound: anything that takes longer has failed. */
const GIVE_UP_MS = 60_000;
const LOOK_EVERY_MS = 2;

/** Resolves as soon as it holds. @throws Error `what` when it never does */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  signal: AbortSignal,
  lookEveryMs = LOOK_EVERY_MS,
): Promise<void> {
  const startedMs = performance.now();
  while (!(await holds())) {
    if (performance.now() - startedMs > GIVE_UP_MS) throw new Error(`not within ${GIVE_UP_MS} ms: ${what}`);
    await systemClock.sleep(lookEveryMs, signal);
  }
}

/** The time from the begin of the act until the condition holds, in ms. */
export async function timeUntil(
  what: string,
  act: () => unknown,
  holds: () => boolean | Promise<boolean>,
  signal: AbortSignal,
): Promise<number> {
  const startedMs = performance.now();
  await act();
  await until(what, holds, signal);
  return performance.now() - startedMs;
}
