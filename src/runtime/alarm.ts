import type { Clock } from "./clock.ts";

/** Node's limit for a timer; a longer one would fire at once. */
const LONGEST_MS = 2 ** 31 - 1;

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
      await new Promise<void>((resolve) => {
        const wake = () => {
          this.#wake = null;
          timer.cancel();
          signal.removeEventListener("abort", wake);
          resolve();
        };
        this.#wake = wake;
        signal.addEventListener("abort", wake, { once: true });
        // A timer rather than Clock.sleep with a signal: loops sleep thousands of times, and few sleeps end by time.
        const timer = this.#clock.startTimer(Math.min(ms, LONGEST_MS), wake);
      });
      signal.throwIfAborted();
    }
    this.#isRung = false;
  }
}
