/**
 * Mutations that keep an input JSON, or mostly: they replace, swap, copy and nest whole values and members. Text that is
 * not quite JSON, such as several documents with separators, is read as far as its tokens go.
 */
import type { Random } from "../../../src/runtime/random.ts";
import { type Mutation, oneOf } from "./bytes.ts";
import { HOSTILE_NAMES, HOSTILE_NUMBERS, ODD_CHARACTERS } from "./words.ts";

interface Value {
  readonly start: number;
  readonly end: number;
  /** Start of its key where it is a member of an object, else null. */
  readonly keyStart: number | null;
  readonly keyEnd: number | null;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const COMMA = 0x2c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
/** Larger inputs get byte mutations only: to find their tokens takes too long. */
const MAX_LENGTH = 32 * 1024;

/** Latin-1, one character for each byte, so that every input survives. */
function latin1(input: Uint8Array): string {
  return Buffer.from(input.buffer, input.byteOffset, input.byteLength).toString("latin1");
}
function toBytes(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "latin1"));
}
/** UTF-8 as Latin-1 characters. */
function utf8(text: string): string {
  return Buffer.from(text).toString("latin1");
}

/** Values in the order of their ends. What is between tokens is skipped, and a string may have no end. */
function valuesOf(text: string): Value[] {
  const values: Value[] = [];
  const open: { readonly start: number; readonly key: readonly [number, number] | null }[] = [];
  let key: readonly [number, number] | null = null;
  let last: readonly [number, number] | null = null;
  const add = (start: number, end: number, itsKey: typeof key) => {
    values.push({ start, end, keyStart: itsKey?.[0] ?? null, keyEnd: itsKey?.[1] ?? null });
  };
  for (let at = 0; at < text.length; ) {
    const start = at;
    const character = text.charCodeAt(at++);
    if (character === COLON) {
      // What was taken for a value is a key.
      if (last !== null && values.at(-1)?.start === last[0]) values.pop();
      key = last;
      continue;
    }
    if (character === COMMA) {
      key = null;
    } else if (character === OPEN_BRACE || character === OPEN_BRACKET) {
      open.push({ start, key });
      key = null;
    } else if (character === CLOSE_BRACE || character === CLOSE_BRACKET) {
      const opened = open.pop();
      if (opened !== undefined) add(opened.start, at, opened.key);
      key = null;
    } else if (character === QUOTE) {
      at = endOfString(text, at);
      add(start, at, key);
    } else if (isWord(character)) {
      while (at < text.length && isWord(text.charCodeAt(at))) at++;
      add(start, at, key);
    } else continue;
    last = [start, at];
  }
  return values;
}

function endOfString(text: string, start: number): number {
  for (let at = start; at < text.length; at++) {
    const character = text.charCodeAt(at);
    if (character === QUOTE) return at + 1;
    if (character === BACKSLASH) at++;
  }
  return text.length;
}

/** Of a number, true, false, null, or what only begins like them. */
function isWord(character: number): boolean {
  return (
    (character >= 0x61 && character <= 0x7a) ||
    (character >= 0x30 && character <= 0x39) ||
    (character >= 0x2b && character <= 0x2e && character !== COMMA) ||
    character === 0x45
  );
}

function arbitraryValue(random: Random, words: readonly Uint8Array[]): string {
  switch (random.below(9)) {
    case 0:
      return oneOf(HOSTILE_NUMBERS, random);
    case 1:
      return oneOf(["null", "true", "false", "{}", "[]", '""', '"\\u0000"', '"\\ud800"'], random);
    case 2:
      return `{"${oneOf(HOSTILE_NAMES, random)}":${oneOf(["{}", "null", "1", '{"v4":1}', '[{"a":1}]'], random)}}`;
    case 3: {
      const depth = 1 << random.below(13);
      const [before, after] = oneOf([["[", "]"] as const, ['{"a":', "}"] as const], random);
      return `${before.repeat(depth)}1${after.repeat(depth)}`;
    }
    case 4:
      return `[${Array.from({ length: random.below(80) }, () => oneOf(HOSTILE_NUMBERS, random)).join()}]`;
    case 5:
      return utf8(`"${oneOf(ODD_CHARACTERS, random)}"`);
    case 6:
      return `"${"x".repeat(1 << random.below(13))}"`;
    default:
      return `"${latin1(oneOf(words, random)).replace(/["\\]/g, "\\$&")}"`;
  }
}

function onValue(
  change: (text: string, value: Value, other: Value, random: Random, words: readonly Uint8Array[]) => string,
): Mutation {
  return (input, { random, words }) => {
    if (input.length > MAX_LENGTH) return input;
    const text = latin1(input);
    const values = valuesOf(text);
    if (values.length === 0) return input;
    return toBytes(change(text, oneOf(values, random), oneOf(values, random), random, words));
  };
}

const put = (text: string, start: number, end: number, by: string) =>
  text.slice(0, start) + by + text.slice(end);

const replaceValue = onValue((text, { start, end }, _other, random, words) =>
  put(text, start, end, arbitraryValue(random, words)),
);

const copyValue = onValue((text, { start, end }, other) =>
  put(text, start, end, text.slice(other.start, other.end)),
);

/** The same member twice, or another one beside it: the last counts, or the first, or both. */
const addMember = onValue((text, { keyStart, end }, other, random, words) => {
  if (keyStart === null) return put(text, end, end, `,${arbitraryValue(random, words)}`);
  const isCopy = other.keyStart !== null && random.below(2) === 0;
  const member = isCopy
    ? text.slice(other.keyStart ?? 0, other.end)
    : `"${latin1(oneOf(words, random)).replace(/["\\]/g, "\\$&")}":${arbitraryValue(random, words)}`;
  return put(text, end, end, `,${member}`);
});

const removeMember = onValue((text, { keyStart, start, end }) => {
  const from = keyStart ?? start;
  const comma = text[end] === "," ? end + 1 : end;
  return put(text, from, comma, "");
});

const renameKey = onValue((text, { keyStart, keyEnd }, other, random, words) => {
  if (keyStart === null || keyEnd === null) return text;
  const old = text.slice(keyStart, keyEnd);
  const names = [
    old.toUpperCase(),
    old.toLowerCase(),
    old.replace(/[kK]/, utf8("\u212a")).replace(/[sS]/, utf8("\u017f")),
    `"${oneOf(HOSTILE_NAMES, random)}"`,
    other.keyStart === null ? old : text.slice(other.keyStart, other.keyEnd ?? other.keyStart),
    `"${latin1(oneOf(words, random)).replace(/["\\]/g, "\\$&")}"`,
  ];
  return put(text, keyStart, keyEnd, oneOf(names, random));
});

const wrapValue = onValue((text, { start, end }, _other, random) => {
  const [before, after] = oneOf([["[", "]"] as const, ['{"a":', "}"] as const, ['"', '"'] as const], random);
  return put(text, start, end, before + text.slice(start, end) + after);
});

export const JSON_MUTATIONS: readonly Mutation[] = [
  ...[replaceValue, replaceValue, copyValue, addMember],
  ...[removeMember, renameKey, wrapValue],
];
