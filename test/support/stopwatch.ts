/** Measures what a figure is printed of, or what the long run bounds: an ordinary run asserts no time. */
export class Stopwatch {
  readonly #startMs = performance.now();

  get elapsedMs(): number {
    return performance.now() - this.#startMs;
  }
}
