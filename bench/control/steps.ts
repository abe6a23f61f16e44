import type { Figure } from "../figures/figure.ts";

/** Durations of several steps, each measured repeatedly. */
export class Steps {
  readonly #samples = new Map<string, number[]>();

  async time<T>(step: string, work: () => T | Promise<T>): Promise<T> {
    const startedMs = performance.now();
    const result = await work();
    const tookMs = performance.now() - startedMs;
    this.#samples.set(step, [...(this.#samples.get(step) ?? []), tookMs]);
    return result;
  }

  samplesOf(step: string): readonly number[] {
    return this.#samples.get(step) ?? [];
  }

  /** @param bounds by step, in ms */
  figures(peers: number, bounds: Readonly<Record<string, number>>): Figure[] {
    return Array.from(this.#samples, ([step, samples]) => ({
      name: `${peers} peers: ${step}`,
      unit: "ms",
      samples,
      bound: bounds[step] ?? null,
    }));
  }
}
