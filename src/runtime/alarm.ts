import type { Clock } from "./clock.ts";

/** Node's limit for a timer; a longer one would fire at once. */
const LONGEST_MS = 2 ** 31 - 1;

/** One for all: without a reason, each abort would create an error with a stack. */
const WOKEN = new Error("woken");

/** A sleep that `ring` ends early; a `ring` outside of a sleep ends the next one at once. */
export class Alarm {
  readonly #clock: Clock;
  #isRung = false;
  #wake: (() => void) | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  ring(): void {
    this.#isRung = true;
    this.#wake?.();
  }

  /** Resolves after `ms`, which may be infinite, or on `ring`; rejects with the signal's reason when it aborts. */
  async sleep(ms: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (!this.#isRung) {
      const sleeping = new AbortController();
      const wake = () => sleeping.abort(WOKEN);
      this.#wake = wake;
      signal.addEventListener("abort", wake, { once: true });
      try {
        await this.#clock.sleep(Math.min(ms, LONGEST_MS), sleeping.signal);
      } catch (error) {
        signal.throwIfAborted();
        if (!sleeping.signal.aborted) throw error;
      } finally {
        signal.removeEventListener("abort", wake);
        this.#wake = null;
      }
    }
    this.#isRung = false;
  }
}
