/** Mutations that know nothing of an input's grammar. */
import type { Random } from "../../../src/runtime/random.ts";

export interface MutationContext {
  readonly random: Random;
  readonly words: readonly Uint8Array[];
  readonly maxBytes: number;
}

/** Never changes its input in place. */
export type Mutation = (input: Uint8Array, context: MutationContext) => Uint8Array;

const BYTES = [
  0x00, 0x01, 0x7f, 0x80, 0xff, 0x0a, 0x0d, 0x20, 0x22, 0x5c, 0x5b, 0x7b, 0x5d, 0x7d, 0x1e, 0x1f,
];
const NUMBERS = [
  0, 1, 2, 3, 4, 7, 8, 15, 16, 17, 31, 32, 33, 127, 128, 129, 255, 256, 0x7fff, 0xffff, 0x7fff_ffff,
];

export function join(...parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** The beginning of one and the end of another. */
export function splice(head: Uint8Array, tail: Uint8Array, random: Random): Uint8Array {
  return join(head.subarray(0, random.below(head.length + 1)), tail.subarray(random.below(tail.length + 1)));
}

function replaced(input: Uint8Array, start: number, end: number, by: Uint8Array): Uint8Array {
  return join(input.subarray(0, start), by, input.subarray(end));
}

/** Mostly short. */
function range(input: Uint8Array, random: Random): readonly [start: number, end: number] {
  const start = random.below(input.length + 1);
  const most = random.below(4) === 0 ? input.length - start : Math.min(16, input.length - start);
  return [start, start + random.below(most + 1)];
}

const flipBit: Mutation = (input, { random }) => {
  const copy = input.slice();
  const at = random.below(copy.length);
  if (at < copy.length) copy[at] = (copy[at] as number) ^ (1 << random.below(8));
  return copy;
};

const setByte: Mutation = (input, { random }) => {
  const copy = input.slice();
  const at = random.below(copy.length);
  if (at < copy.length) copy[at] = random.below(2) === 0 ? random.below(256) : oneOf(BYTES, random);
  return copy;
};

/** A length or a type: 16 or 32 bits in either order, at an even place, which is where most are. */
const setNumber: Mutation = (input, { random }) => {
  const copy = input.slice();
  const size = random.below(2) === 0 ? 2 : 4;
  if (copy.length < size) return copy;
  const at = random.below(copy.length - size + 1) & (random.below(4) === 0 ? ~0 : ~1);
  const view = new DataView(copy.buffer, copy.byteOffset, copy.byteLength);
  const isLittle = random.below(4) !== 0;
  const old = size === 2 ? view.getUint16(at, isLittle) : view.getUint32(at, isLittle);
  const near = random.below(3) === 0 ? old + random.below(9) - 4 : oneOf(NUMBERS, random);
  if (size === 2) view.setUint16(at, near, isLittle);
  else view.setUint32(at, near, isLittle);
  return copy;
};

const insertByte: Mutation = (input, { random }) => {
  const at = random.below(input.length + 1);
  const byte = random.below(2) === 0 ? random.below(256) : oneOf(BYTES, random);
  return replaced(input, at, at, Uint8Array.of(byte));
};

const insertWord: Mutation = (input, { random, words }) => {
  const at = random.below(input.length + 1);
  return replaced(input, at, at, oneOf(words, random));
};

const replaceByWord: Mutation = (input, { random, words }) => {
  const [start, end] = range(input, random);
  return replaced(input, start, end, oneOf(words, random));
};

const remove: Mutation = (input, { random }) => {
  const [start, end] = range(input, random);
  return replaced(input, start, end, new Uint8Array(0));
};

const copyWithin: Mutation = (input, { random }) => {
  const [start, end] = range(input, random);
  const at = random.below(input.length + 1);
  return replaced(input, at, at, input.subarray(start, end));
};

/** Up to the largest input: what is slow shows here. */
const repeat: Mutation = (input, { random, words, maxBytes }) => {
  const [start, end] = range(input, random);
  const unit = random.below(2) === 0 ? oneOf(words, random) : input.subarray(start, end);
  const room = maxBytes - input.length;
  if (unit.length === 0 || room < unit.length) return input;
  const most = Math.floor(room / unit.length);
  const count = random.below(3) === 0 ? most : random.below(Math.min(most, 64) + 1);
  const repeated = new Uint8Array(unit.length * count);
  for (let at = 0; at < repeated.length; at += unit.length) repeated.set(unit, at);
  return replaced(input, end, end, repeated);
};

const truncate: Mutation = (input, { random }) => input.subarray(0, random.below(input.length + 1));

export function oneOf<T>(items: readonly T[], random: Random): T {
  return items[random.below(items.length)] as T;
}

/** Small changes more than once: they reach most. */
export const BYTE_MUTATIONS: readonly Mutation[] = [
  ...[flipBit, setByte, setNumber, insertByte, insertWord, replaceByWord],
  ...[flipBit, setByte, setNumber, insertWord, remove, copyWithin],
  ...[repeat, truncate],
];
