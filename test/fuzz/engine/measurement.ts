/** Times of a target: of the slowest inputs that a search found, and of shapes that grow. */
import type { Random } from "../../../src/runtime/random.ts";
import { type FuzzTarget, runTarget } from "../target.ts";
import { cpuMsOf, onceCpuMs } from "./cpu-time.ts";
import { type Growth, measureGrowth } from "./growth.ts";

/** Until the code under test is compiled. */
const WARM_UP_RUNS = 3000;
const PRINTED = 3;
/** What took long is measured again, some seconds later: a busy machine may slow down all runs of a moment. */
const ROUNDS = 6;
const WORTH_A_ROUND_MS = 0.5;

export interface Measured {
  readonly input: Uint8Array;
  readonly cpuMs: number;
}

export interface Measurement {
  /** The slowest first. */
  readonly slowest: readonly Measured[];
  readonly growth: readonly Growth[];
}

export interface MeasureOptions {
  readonly slow: readonly Uint8Array[];
  readonly shapes: number;
  readonly random: Random;
  onInput(input: Uint8Array): void;
}

/** @param known inputs, not empty */
export async function measure(
  target: FuzzTarget,
  known: readonly Uint8Array[],
  { slow, shapes, random, onInput }: MeasureOptions,
): Promise<Measurement> {
  const run = (input: Uint8Array) => {
    onInput(input);
    return runTarget(target, input).catch(() => undefined);
  };
  for (let count = 0; count < WARM_UP_RUNS; count++) await run(known[count % known.length] as Uint8Array);
  const parts = await slowestParts(target, slow, onInput);
  let measured: readonly Measured[] = parts.map((input) => ({ input, cpuMs: Number.POSITIVE_INFINITY }));
  for (let round = 0; round < ROUNDS; round++) {
    const next: Measured[] = [];
    for (const { input, cpuMs } of measured) {
      onInput(input);
      const isLong = cpuMs > WORTH_A_ROUND_MS;
      next.push({ input, cpuMs: isLong ? Math.min(cpuMs, await cpuMsOf(target, input)) : cpuMs });
    }
    measured = next;
  }
  return {
    slowest: measured.toSorted((a, b) => b.cpuMs - a.cpuMs).slice(0, PRINTED),
    growth: await measureGrowth(target, known, shapes, random, onInput),
  };
}

/** The slowest few of each input's parts. */
async function slowestParts(
  target: FuzzTarget,
  inputs: readonly Uint8Array[],
  onInput: (input: Uint8Array) => void,
): Promise<readonly Uint8Array[]> {
  if (target.parts === undefined) return inputs;
  const slowest: Uint8Array[] = [];
  for (const input of inputs) {
    const longest = target.parts(input).toSorted((a, b) => b.length - a.length);
    const once: Measured[] = [];
    for (const part of longest.slice(0, PARTS_TRIED)) {
      onInput(part);
      const first = await onceCpuMs(target, part);
      once.push({ input: part, cpuMs: Math.min(first, await onceCpuMs(target, part)) });
    }
    once.sort((a, b) => b.cpuMs - a.cpuMs);
    slowest.push(...once.slice(0, PARTS_OF_EACH).map((each) => each.input));
  }
  return slowest;
}

const PARTS_TRIED = 40;
const PARTS_OF_EACH = 2;
