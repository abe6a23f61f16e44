/** A daemon that sleeps between bursts need not keep what the burst took. */
import type { Clock } from "./clock.ts";
import { messageOf } from "./error.ts";
import type { Log } from "./log.ts";

export interface SpareMemory {
  residentBytes(): number;
  /** Halts the thread for as long as it takes. */
  giveBack(): void;
}

const CHECK_INTERVAL_MS = 5_000;
/** Less is not worth the halt: the next burst would take it again. */
const MIN_GROWTH_BYTES = 8 * 1024 * 1024;

/**
 * Looks now and then whether the process has grown since memory was last given back. It is a convenience: a look that
 * fails, for want of a file descriptor say, costs a line and the next one comes. Ends by throwing only, when the signal aborts.
 */
export async function returnSpareMemory(
  memory: SpareMemory,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
  signal: AbortSignal,
): Promise<never> {
  let leastBytes = 0;
  let loggedReason: string | null = null;
  for (;;) {
    await clock.sleep(CHECK_INTERVAL_MS, signal);
    try {
      leastBytes = checkMemory(memory, leastBytes);
    } catch (error) {
      const reason = messageOf(error);
      if (reason !== loggedReason)
        log.warn({ op: "give-memory-back", reason }, "memory not returned to the system");
      loggedReason = reason;
    }
  }
}

/** @returns the least that the process has been seen with since memory was last given back */
function checkMemory(memory: SpareMemory, leastBytes: number): number {
  const residentBytes = memory.residentBytes();
  if (residentBytes < leastBytes + MIN_GROWTH_BYTES) return Math.min(leastBytes, residentBytes);
  memory.giveBack();
  // What is left is in use, however much it is.
  return memory.residentBytes();
}
