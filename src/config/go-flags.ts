/**
 * The command-line syntax of Go's `flag` package, which manifests for flannel use: `-name` equals `--name`; a value
 * follows as `-name=v` or as the next word; a boolean is `-name` or `-name=v`, never two words; the first word that
 * is not a flag, or "--", ends the flags.
 */
import { didYouMean } from "../runtime/closest-word.ts";
import { TweedError } from "../runtime/error.ts";
import type { Flag, FlagTable, FlagValues } from "./flag.ts";

/** Exit code of a usage error; help and version exit with 0. */
export const USAGE_EXIT_CODE = 2;

export type FlagResult<Table extends FlagTable> =
  | ParsedFlags<Table>
  | { readonly kind: "help" }
  /** The error has code `usage` and names the flag, the value and what would be accepted, on one line. */
  | { readonly kind: "usage-error"; readonly error: TweedError };

export interface ParsedFlags<Table extends FlagTable> {
  readonly kind: "parsed";
  readonly values: FlagValues<Table>;
  /** Names of the flags that were on the command line. */
  readonly given: ReadonlySet<string>;
  /** How many words follow the last flag. Go's parser ignores them silently. */
  readonly ignoredWords: number;
}

export function parseFlags<const Table extends FlagTable>(
  table: Table,
  words: readonly string[],
): FlagResult<Table> {
  const values = new Map<string, unknown>();
  let next = 0;
  for (;;) {
    const word = words[next];
    if (word === undefined || word === "-" || !word.startsWith("-")) break;
    next += 1;
    if (word === "--") break;

    // The text after "=" may be the secret of a misspelt flag: an error shows only the name.
    const [, name = "", , inline] = /^--?([^=]*)(=(.*))?$/s.exec(word) ?? [];
    if (name === "" || name.startsWith("-")) {
      return usageError("parse command line", `word ${next} is not a flag, expected --name or --name=value`);
    }
    const flag = lookUp(table, name);
    if (flag === undefined) {
      if (name === "help" || name === "h") return { kind: "help" };
      return usageError(
        `parse flag --${name}`,
        `no such flag${didYouMean(
          `--${name}`,
          Object.keys(table).map((each) => `--${each}`),
        )}; --help lists all`,
      );
    }

    let text = inline;
    if (text === undefined && flag.placeholder === null) text = "true";
    if (text === undefined) {
      text = words[next];
      next += 1;
    }
    if (text === undefined) {
      return usageError(`parse flag --${name}`, `a value is missing, expected --${name}=${flag.placeholder}`);
    }
    const parsed = flag.parse(text, values.has(name) ? values.get(name) : flag.fallback);
    if ("expected" in parsed) {
      return usageError(`parse flag --${name}`, `${quote(text)} given, expected ${parsed.expected}`);
    }
    values.set(name, parsed.value);
  }
  return {
    kind: "parsed",
    values: withFallbacks(table, values),
    given: new Set(values.keys()),
    ignoredWords: Math.max(0, words.length - next),
  };
}

/**
 * Fills flags that were not on the command line from the environment: PREFIX_ and the name in capitals with "_"
 * for "-". An empty variable counts as not set; a repeatable flag takes exactly one value from its variable.
 *
 * A malformed variable is a usage error that names it. flannel would silently start with the default.
 */
export function applyEnvironment<const Table extends FlagTable>(
  table: Table,
  parsed: ParsedFlags<Table>,
  environment: Readonly<Record<string, string | undefined>>,
  prefix: string,
): Exclude<FlagResult<Table>, { kind: "help" }> {
  const values = new Map<string, unknown>(Object.entries(parsed.values));
  for (const [name, flag] of Object.entries(table)) {
    const variable = variableOf(prefix, name);
    const text = environment[variable];
    if (parsed.given.has(name) || text === undefined || text === "") continue;
    const result = flag.parse(text, flag.fallback);
    if ("expected" in result) {
      return usageError(
        `read environment variable ${variable}`,
        `${quote(text)} given, expected ${result.expected}`,
      );
    }
    values.set(name, result.value);
  }
  return { ...parsed, values: withFallbacks(table, values) };
}

function variableOf(prefix: string, flag: string): string {
  return `${prefix}_${flag.toUpperCase().replaceAll("-", "_")}`;
}

/** Suffixes of the variables that Kubernetes sets in every pod when there is a Service named flanneld. */
const SERVICE_VARIABLE = /^(?:SERVICE_(?:HOST|PORT)|PORT)(?:_|$)/;

/** Variables with the prefix that match no flag, each with a suggestion of the flag's variable. */
export function unknownVariables(
  table: FlagTable,
  environment: Readonly<Record<string, string | undefined>>,
  prefix: string,
): string[] {
  const known = new Set(Object.keys(table).map((name) => variableOf(prefix, name)));
  return Object.keys(environment)
    .filter((name) => name.startsWith(`${prefix}_`) && !known.has(name) && environment[name] !== "")
    .filter((name) => !SERVICE_VARIABLE.test(name.slice(prefix.length + 1)))
    .map((name) => `${name}${didYouMean(name, known)}`);
}

/** One line for a usage error of code `usage`. */
export function usageError(
  operation: string,
  reason: string,
): { readonly kind: "usage-error"; readonly error: TweedError } {
  return { kind: "usage-error", error: new TweedError({ code: "usage", operation, reason }) };
}

function lookUp(table: FlagTable, name: string): Flag<unknown> | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

function withFallbacks<Table extends FlagTable>(
  table: Table,
  values: ReadonlyMap<string, unknown>,
): FlagValues<Table> {
  const entries = Object.entries(table).map(([name, flag]) => [
    name,
    values.has(name) ? values.get(name) : flag.fallback,
  ]);
  // Each value is from the parse function or the fallback of the flag with that name.
  return Object.fromEntries(entries) as FlagValues<Table>;
}

function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 79)}…` : text);
}
