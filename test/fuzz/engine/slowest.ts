/** The inputs of a search that took longest. Its threads are preempted and its code has coverage: they are measured later. */
import { type FuzzTarget, runTarget } from "../target.ts";

/** More than are printed: these times order inputs only roughly. */
const CANDIDATES = 24;
/** An input that took long once may have been interrupted. */
const REPEATS = 3;

interface Candidate {
  readonly input: Uint8Array;
  readonly tookMs: number;
}

export class Slowest {
  readonly #target: FuzzTarget;
  #candidates: Candidate[] = [];
  #thresholdMs = 0;

  constructor(target: FuzzTarget) {
    this.#target = target;
  }

  /** @param onceMs of its first run */
  async add(input: Uint8Array, onceMs: number): Promise<void> {
    let tookMs = onceMs;
    for (let repeat = 0; repeat < REPEATS && tookMs > this.#thresholdMs; repeat++) {
      const startedMs = performance.now();
      await runTarget(this.#target, input).catch(() => undefined);
      tookMs = Math.min(tookMs, performance.now() - startedMs);
    }
    if (tookMs <= this.#thresholdMs) return;
    // Of an input with many leases one may be as slow as of an input with a single one.
    tookMs /= Math.max(1, this.#target.parts?.(input).length ?? 1);
    if (tookMs <= this.#thresholdMs) return;
    this.#candidates.push({ input, tookMs });
    if (this.#candidates.length < CANDIDATES * 2) return;
    this.#candidates = this.#sorted();
    this.#thresholdMs = this.#candidates.at(-1)?.tookMs ?? 0;
  }

  inputs(): readonly Uint8Array[] {
    return this.#sorted().map(({ input }) => input);
  }

  #sorted(): Candidate[] {
    return this.#candidates.sort((a, b) => b.tookMs - a.tookMs).slice(0, CANDIDATES);
  }
}
