/** Returns memory to the system after a burst of work. */
import type { Clock } from "./clock.ts";
import { messageOf } from "./error.ts";
import type { Log } from "./log.ts";

export interface SpareMemory {
  residentBytes(): number;
  /** Blocks the thread meanwhile. */
  giveBack(): void;
}

const CHECK_INTERVAL_MS = 2_000;
/** After memory was returned: with thousands of peers that blocks the thread for as long as a plan does. */
const REST_MS = 10_000;
/** Less is not worth blocking the thread: the next burst would allocate it again. */
const MIN_GROWTH_BYTES = 4 * 1024 * 1024;
/**
 * What was just returned is seldom all that is free: work in progress, and a collection that had begun, hold on to some. So
 * the size from which growth counts rises by this at most, and what is in use for good is found in some checks.
 */
const MAX_RISE_BYTES = 1024 * 1024;

/**
 * Checks periodically whether the process has grown since it last returned memory. A failed check, for lack of a file
 * descriptor for example, is logged, and the next one follows. Ends by throwing only, when the signal aborts.
 */
export async function returnSpareMemory(
  memory: SpareMemory,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
  signal: AbortSignal,
): Promise<never> {
  let leastBytes = 0;
  let loggedReason: string | null = null;
  let waitMs = CHECK_INTERVAL_MS;
  for (;;) {
    await clock.sleep(waitMs, signal);
    waitMs = CHECK_INTERVAL_MS;
    try {
      const residentBytes = memory.residentBytes();
      if (residentBytes < leastBytes + MIN_GROWTH_BYTES) {
        leastBytes = Math.min(leastBytes, residentBytes);
        continue;
      }
      waitMs = REST_MS;
      memory.giveBack();
      const mostBytes = leastBytes === 0 ? Number.POSITIVE_INFINITY : leastBytes + MAX_RISE_BYTES;
      leastBytes = Math.min(memory.residentBytes(), mostBytes);
    } catch (error) {
      const reason = messageOf(error);
      if (reason !== loggedReason)
        log.warn({ op: "give-memory-back", reason }, "memory not returned to the system");
      loggedReason = reason;
    }
  }
}
