import type { Random } from "./random.ts";

/**
 * Exponential back-off from `firstMs` to `maxMs`, each wait reduced at random by up to a quarter, so that daemons
 * that failed together do not retry together.
 */
export class Backoff {
  readonly #firstMs: number;
  readonly #maxMs: number;
  readonly #random: Random;
  #attempt = 0;

  constructor(options: { firstMs: number; maxMs: number; random: Random }) {
    this.#firstMs = options.firstMs;
    this.#maxMs = options.maxMs;
    this.#random = options.random;
  }

  /** How many waits since the last reset. */
  get attempt(): number {
    return this.#attempt;
  }

  nextMs(): number {
    const wholeMs = Math.min(this.#maxMs, this.#firstMs * 2 ** Math.min(this.#attempt, 30));
    this.#attempt += 1;
    return wholeMs - this.#random.below(Math.floor(wholeMs / 4) + 1);
  }

  reset(): void {
    this.#attempt = 0;
  }
}
