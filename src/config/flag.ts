/**
 * One flag of a command line: its parser, its default and its help. The parser and the usage text work from a
 * table of flags by name, without dashes.
 */
import { type Ip, type Ipv4, type Ipv6, tryParseIp, tryParseIpv4, tryParseIpv6 } from "../net/index.ts";

/** The result of parsing a flag's text: its value, or what would be accepted. */
export type FlagText<T> = { readonly value: T } | { readonly expected: string };

export interface Flag<T> {
  readonly help: string;
  /** Names the value in the usage text; null for a boolean, which takes no separate word. */
  readonly placeholder: string | null;
  readonly fallback: T;
  /** @param earlier the value so far, to which a repeatable flag adds */
  parse(text: string, earlier: T): FlagText<T>;
}

export type FlagTable = Readonly<Record<string, Flag<unknown>>>;
export type FlagValues<Table extends FlagTable> = {
  readonly [Name in keyof Table]: Table[Name] extends Flag<infer Value> ? Value : never;
};

/** The spellings of Go's strconv.ParseBool. */
const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ...["1", "t", "T", "TRUE", "true", "True"].map((text) => [text, true] as const),
  ...["0", "f", "F", "FALSE", "false", "False"].map((text) => [text, false] as const),
]);

export function booleanFlag(fallback: boolean, help: string): Flag<boolean> {
  return {
    help,
    placeholder: null,
    fallback,
    parse(text) {
      const value = BOOLEANS.get(text);
      return value === undefined ? { expected: "true or false" } : { value };
    },
  };
}

/** A whole number within both bounds. */
export function integerFlag(
  bounds: { readonly min: number; readonly max: number },
  fallback: number,
  help: string,
): Flag<number> {
  const { min, max } = bounds;
  return {
    help,
    placeholder: "number",
    fallback,
    parse(text) {
      const value = parseGoInteger(text);
      const isValid = value !== null && value >= min && value <= max;
      return isValid ? { value } : { expected: `a whole number from ${min} to ${max}` };
    },
  };
}

export function stringFlag(fallback: string, help: string, placeholder = "string"): Flag<string> {
  return { help, placeholder, fallback, parse: (text) => ({ value: text }) };
}

/** A file or directory; refuses the empty text, which can only come from an unset variable. */
export function pathFlag(fallback: string, help: string): Flag<string> {
  return {
    help,
    placeholder: "path",
    fallback,
    parse: (text) => (text === "" ? { expected: "a path" } : { value: text }),
  };
}

export function choiceFlag<const Choice extends string>(
  choices: readonly Choice[],
  help: string,
): Flag<Choice | null> {
  return {
    help,
    placeholder: choices.join("|"),
    fallback: null,
    parse(text) {
      const value = choices.find((choice) => choice === text);
      return value === undefined ? { expected: choices.join(" or ") } : { value };
    },
  };
}

/** Collects every occurrence, in order. */
export function repeatedFlag<T>(
  placeholder: string,
  parse: (text: string) => FlagText<T>,
  help: string,
): Flag<readonly T[]> {
  return {
    help: `${help} (may be repeated)`,
    placeholder,
    fallback: [],
    parse(text, earlier) {
      const parsed = parse(text);
      return "value" in parsed ? { value: [...earlier, parsed.value] } : parsed;
    },
  };
}

/** An address, or null for the empty text, which means "none" in flannel's flags. */
export const ipFlag = addressFlag<Ip>(tryParseIp, "an IPv4 or IPv6 address");
export const ipv4Flag = addressFlag<Ipv4>(tryParseIpv4, "an IPv4 address such as 192.0.2.7");
export const ipv6Flag = addressFlag<Ipv6>(tryParseIpv6, "an IPv6 address such as 2001:db8::7");

function addressFlag<A extends Ip>(
  tryParse: (text: string) => A | null,
  expected: string,
): (help: string) => Flag<A | null> {
  return (help) => ({
    help,
    placeholder: "address",
    fallback: null,
    parse(text) {
      const value = tryParse(text);
      return value === null && text !== "" ? { expected } : { value };
    },
  });
}

/**
 * Go's strconv.ParseInt with base 0: decimal, 0x, 0o, 0b, and octal for a leading zero; without its "_" between
 * digits. Null for everything else and for integers that a number cannot represent exactly.
 */
function parseGoInteger(text: string): number | null {
  const match = /^([+-]?)(\d+|0x[\da-f]+|0o[0-7]+|0b[01]+)$/i.exec(text);
  if (match === null) return null;
  const [, sign, digits = ""] = match;
  const magnitude = Number(/^0\d/.test(digits) ? `0o${digits}` : digits);
  return Number.isSafeInteger(magnitude) ? (sign === "-" ? -magnitude : magnitude) : null;
}
