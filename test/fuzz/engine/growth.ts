/**
 * How the time grows with the input: the same shape at three sizes, each double the one before. A shape is a known input
 * with one unit repeated somewhere in it. Linear code takes twice as long at each step, quadratic code four times.
 */
import type { Random } from "../../../src/runtime/random.ts";
import { join } from "../mutation/bytes.ts";
import { COMMON_WORDS } from "../mutation/words.ts";
import { type FuzzTarget, MAX_INPUT_BYTES } from "../target.ts";
import { cpuMsOf, onceCpuMs } from "./cpu-time.ts";

/**
 * Between linear, 2, and quadratic, 4; n log n is below. At both steps: a cache that is too small, or a collection of
 * garbage that begins, shows at one of them.
 */
const SUSPICIOUS_RATIO = 2.8;
/** Shapes that are quick at the smallest size are quick enough at the largest one, whatever their growth. */
const WORTH_MEASURING_MS = 0.15;
/** A suspicious shape is measured again: other programs slow down one of its sizes now, and another one later. */
const ROUNDS = 8;

export interface Growth {
  readonly unit: string;
  readonly input: Uint8Array;
  /** At a quarter, half and all of the size. */
  readonly cpuMs: readonly [number, number, number];
}

/** @param shapes how many are tried */
export async function measureGrowth(
  target: FuzzTarget,
  known: readonly Uint8Array[],
  shapes: number,
  random: Random,
  onInput: (input: Uint8Array) => void,
): Promise<readonly Growth[]> {
  const largest = Math.min(MAX_INPUT_BYTES, target.maxBytes ?? MAX_INPUT_BYTES);
  const words = [...target.words, ...COMMON_WORDS].map((word) => Buffer.from(word));
  const found: Growth[] = [];
  for (let count = 0; count < shapes; count++) {
    const base = known[random.below(known.length)] as Uint8Array;
    const at = random.below(base.length + 1);
    const piece = base.subarray(at, at + 1 + random.below(24));
    const unit = random.below(3) === 0 ? piece : (words[random.below(words.length)] as Uint8Array);
    if (unit.length === 0) continue;
    const inputs = [largest / 4, largest / 2, largest].map((bytes) => shapeOf(base, at, unit, bytes));
    const [small, middle, large] = inputs as [Uint8Array, Uint8Array, Uint8Array];
    onInput(small);
    if (Math.min(await onceCpuMs(target, small), await onceCpuMs(target, small)) < WORTH_MEASURING_MS)
      continue;
    let cpuMs: Growth["cpuMs"] = [
      Number.POSITIVE_INFINITY,
      Number.POSITIVE_INFINITY,
      Number.POSITIVE_INFINITY,
    ];
    const least = async (input: Uint8Array, knownMs: number) => {
      onInput(input);
      return Math.min(knownMs, await cpuMsOf(target, input));
    };
    for (let round = 0; round < ROUNDS && (round === 0 || isSuspicious({ cpuMs })); round++) {
      cpuMs = [await least(small, cpuMs[0]), await least(middle, cpuMs[1]), await least(large, cpuMs[2])];
    }
    found.push({
      unit: JSON.stringify(Buffer.from(unit).toString("latin1").slice(0, 24)),
      input: large,
      cpuMs,
    });
  }
  return found.sort((a, b) => b.cpuMs[2] - a.cpuMs[2]);
}

export function isSuspicious({ cpuMs: [small, middle, large] }: Pick<Growth, "cpuMs">): boolean {
  return middle / small > SUSPICIOUS_RATIO && large / middle > SUSPICIOUS_RATIO;
}

function shapeOf(base: Uint8Array, at: number, unit: Uint8Array, bytes: number): Uint8Array {
  const repeats = Math.max(1, Math.floor((bytes - base.length) / unit.length));
  const repeated = new Uint8Array(Buffer.alloc(repeats * unit.length, unit));
  return join(base.subarray(0, at), repeated, base.subarray(at));
}
