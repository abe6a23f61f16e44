import type { Clock } from "./clock.ts";

export interface TokenRate {
  /** How many may come at once. */
  readonly burst: number;
  /** After that one more each time so long has passed. */
  readonly everyMs: number;
}

/** A token bucket: what is rare passes at once, and what goes on for ever is bounded. */
export class TokenBucket {
  readonly #clock: Clock;
  readonly #rate: TokenRate;
  #left: number;
  #countedMs: number;

  constructor(clock: Clock, rate: TokenRate) {
    this.#clock = clock;
    this.#rate = rate;
    this.#left = rate.burst;
    this.#countedMs = clock.nowMs();
  }

  /** False when none is left. */
  take(): boolean {
    this.#count();
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }

  /** True when nothing was taken for so long that it is as good as new. */
  isFull(): boolean {
    this.#count();
    return this.#left >= this.#rate.burst;
  }

  /** How long until one is left; 0 when one is. */
  waitMs(): number {
    this.#count();
    return Math.max(0, (1 - this.#left) * this.#rate.everyMs);
  }

  #count(): void {
    const nowMs = this.#clock.nowMs();
    const { burst, everyMs } = this.#rate;
    this.#left = Math.min(burst, this.#left + (nowMs - this.#countedMs) / everyMs);
    this.#countedMs = nowMs;
  }
}
