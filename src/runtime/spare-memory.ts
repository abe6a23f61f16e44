/** A daemon that sleeps between bursts need not keep what the burst took. */
import type { Clock } from "./clock.ts";

export interface SpareMemory {
  residentBytes(): number;
  /** Halts the thread for as long as it takes. */
  giveBack(): void;
}

const LOOK_EVERY_MS = 5_000;
/** Less is not worth the halt: the next burst would take it again. */
const WORTH_BYTES = 8 * 1024 * 1024;

/** Looks now and then whether the process has grown since memory was last given back. Ends by throwing only. */
export async function giveSpareMemoryBack(
  memory: SpareMemory,
  clock: Clock,
  signal: AbortSignal,
): Promise<never> {
  let leastBytes = 0;
  for (;;) {
    await clock.sleep(LOOK_EVERY_MS, signal);
    const residentBytes = memory.residentBytes();
    if (residentBytes < leastBytes + WORTH_BYTES) {
      leastBytes = Math.min(leastBytes, residentBytes);
      continue;
    }
    memory.giveBack();
    // What is left is in use, however much it is.
    leastBytes = memory.residentBytes();
  }
}
