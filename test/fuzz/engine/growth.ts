/**
 * How the time grows with the input: the same shape at double sizes. A shape is a known input with one unit repeated
 * somewhere in it. Four times the size should take four times as long; quadratic code takes sixteen.
 */
import type { Random } from "../../../src/runtime/random.ts";
import { join } from "../mutation/bytes.ts";
import { COMMON_WORDS } from "../mutation/words.ts";
import { type FuzzTarget, MAX_INPUT_BYTES } from "../target.ts";
import { cpuMsOf } from "./slowest.ts";

const SIZE_RATIO = 4;
/** Between linear, 4, and quadratic, 16; n log n and caches are below. */
const SUSPICIOUS_RATIO = 7;
/** Below it collections of garbage decide the ratio. */
const SUSPICIOUS_MS = 20;
/** Shapes that are quick at the smaller size are quick enough at the larger one, whatever their growth. */
const WORTH_MEASURING_MS = 0.15;

export interface Growth {
  readonly unit: string;
  readonly bytes: number;
  readonly cpuMs: number;
  readonly ratio: number;
  readonly input: Uint8Array;
}

/** @param shapes how many are tried */
export async function measureGrowth(
  target: FuzzTarget,
  corpus: readonly Uint8Array[],
  shapes: number,
  random: Random,
): Promise<readonly Growth[]> {
  const large = Math.min(MAX_INPUT_BYTES, target.maxBytes ?? MAX_INPUT_BYTES);
  const small = Math.floor(large / SIZE_RATIO);
  const words = [...target.words, ...COMMON_WORDS].map((word) => Buffer.from(word));
  const found: Growth[] = [];
  for (let count = 0; count < shapes; count++) {
    const base = corpus[random.below(corpus.length)] as Uint8Array;
    const at = random.below(base.length + 1);
    const piece = base.subarray(at, at + 1 + random.below(24));
    const unit = random.below(3) === 0 ? piece : (words[random.below(words.length)] as Uint8Array);
    if (unit.length === 0) continue;
    const shapeOf = (bytes: number) => {
      const repeats = Math.max(1, Math.floor((bytes - base.length) / unit.length));
      return join(
        base.subarray(0, at),
        new Uint8Array(Buffer.alloc(repeats * unit.length, unit)),
        base.subarray(at),
      );
    };
    const smallMs = await cpuMsOf(target, shapeOf(small), 2);
    if (smallMs < WORTH_MEASURING_MS) continue;
    const input = shapeOf(large);
    const cpuMs = await cpuMsOf(target, input, 2);
    const again = await cpuMsOf(target, shapeOf(small), 3);
    const ratio = cpuMs / Math.min(smallMs, again);
    found.push({
      unit: JSON.stringify(Buffer.from(unit).toString("latin1").slice(0, 24)),
      bytes: input.length,
      cpuMs,
      ratio,
      input,
    });
  }
  return found.sort((a, b) => b.cpuMs - a.cpuMs);
}

export function isSuspicious({ ratio, cpuMs }: Growth): boolean {
  return ratio > SUSPICIOUS_RATIO && cpuMs > SUSPICIOUS_MS;
}
