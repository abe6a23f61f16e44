/** Measures times for printed figures and for bounds of the long run: an ordinary run asserts no time. */
export class Stopwatch {
  readonly #startMs = performance.now();

  get elapsedMs(): number {
    return performance.now() - this.#startMs;
  }
}
