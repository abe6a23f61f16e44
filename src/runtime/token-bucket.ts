import type { Clock } from "./clock.ts";

export interface TokenRate {
  /** Capacity of the bucket. */
  readonly burst: number;
  /** Time to add one token. */
  readonly everyMs: number;
}

/** A token bucket: passes rare events at once, and limits the rate of frequent ones. */
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

  /** Takes a token; false when none is left. */
  take(): boolean {
    this.#count();
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }

  /** True when the bucket has refilled. */
  isFull(): boolean {
    this.#count();
    return this.#left >= this.#rate.burst;
  }

  /** Time until the next token; 0 when there is one. */
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
