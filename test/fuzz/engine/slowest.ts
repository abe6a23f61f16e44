/** The inputs that took longest. The first measurement of each is of a single run, so the worst are measured again. */
import { type FuzzTarget, runTarget } from "../target.ts";

/** More than are printed: collections and other programs delay runs at random. */
const CANDIDATES = 24;
const REPEATS = 7;
const PRINTED = 3;

export interface Measured {
  readonly input: Uint8Array;
  readonly cpuMs: number;
}

export class Slowest {
  #candidates: { readonly input: Uint8Array; readonly tookMs: number }[] = [];
  #thresholdMs = 0;

  add(input: Uint8Array, tookMs: number): void {
    if (tookMs <= this.#thresholdMs) return;
    this.#candidates.push({ input, tookMs });
    if (this.#candidates.length < CANDIDATES * 2) return;
    this.#candidates.sort((a, b) => b.tookMs - a.tookMs);
    this.#candidates.length = CANDIDATES;
    this.#thresholdMs = this.#candidates.at(-1)?.tookMs ?? 0;
  }

  async measured(target: FuzzTarget): Promise<readonly Measured[]> {
    const worst = this.#candidates.sort((a, b) => b.tookMs - a.tookMs).slice(0, CANDIDATES);
    const measured: Measured[] = [];
    for (const { input } of worst) measured.push({ input, cpuMs: await cpuMsOf(target, input) });
    return measured.sort((a, b) => b.cpuMs - a.cpuMs).slice(0, PRINTED);
  }
}

/** Processor time of this process for one run, the least of several. */
export async function cpuMsOf(target: FuzzTarget, input: Uint8Array, repeats = REPEATS): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < repeats; round++) {
    const before = process.cpuUsage();
    await runTarget(target, input).catch(() => undefined);
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, (user + system) / 1000);
  }
  return least;
}
