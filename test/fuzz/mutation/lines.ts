/** Mutations of text whose lines have words and a meaning of their own. */
import { join, type Mutation, oneOf } from "./bytes.ts";

const NEWLINE = 0x0a;
const SPACE = 0x20;

/** Starts of the parts behind each separator, and the end. */
function partsOf(input: Uint8Array, separator: number): Uint8Array[] {
  const parts: Uint8Array[] = [];
  let start = 0;
  for (let at = input.indexOf(separator); at >= 0; at = input.indexOf(separator, start)) {
    parts.push(input.subarray(start, at + 1));
    start = at + 1;
  }
  if (start < input.length) parts.push(input.subarray(start));
  return parts;
}

function onParts(
  separator: number,
  change: (parts: Uint8Array[], context: Parameters<Mutation>[1]) => void,
): Mutation {
  return (input, context) => {
    const parts = partsOf(input, separator);
    if (parts.length === 0 || parts.length > 4096) return input;
    change(parts, context);
    return join(...parts);
  };
}

const copyPart = (separator: number) =>
  onParts(separator, (parts, { random }) => {
    parts.splice(random.below(parts.length + 1), 0, oneOf(parts, random));
  });

const removePart = (separator: number) =>
  onParts(separator, (parts, { random }) => {
    parts.splice(random.below(parts.length), 1);
  });

const swapParts = (separator: number) =>
  onParts(separator, (parts, { random }) => {
    const [one, other] = [random.below(parts.length), random.below(parts.length)];
    const held = parts[one] as Uint8Array;
    parts[one] = parts[other] as Uint8Array;
    parts[other] = held;
  });

const replacePart = (separator: number) =>
  onParts(separator, (parts, { random, words }) => {
    parts[random.below(parts.length)] = join(oneOf(words, random), Uint8Array.of(separator));
  });

export const LINE_MUTATIONS: readonly Mutation[] = [NEWLINE, SPACE].flatMap((separator) => [
  copyPart(separator),
  removePart(separator),
  swapParts(separator),
  replacePart(separator),
]);
