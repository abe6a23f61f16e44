/**
 * Converts patterns in RE2's syntax, which flannel uses, to JavaScript regular expressions. It translates constructs
 * with another spelling, and refuses those that mean something else in JavaScript.
 * Source of the syntax: github.com/google/re2/wiki/Syntax.
 */
import { messageOf } from "../runtime/error.ts";
import type { FlagText } from "./flag.ts";

/** POSIX classes, used inside brackets: `[[:digit:]]` becomes `[0-9]`. */
const POSIX_CLASSES: ReadonlyMap<string, string> = new Map(
  Object.entries({
    alnum: "0-9A-Za-z",
    alpha: "A-Za-z",
    digit: "0-9",
    lower: "a-z",
    space: "\\t\\n\\v\\f\\r ",
    upper: "A-Z",
    word: "0-9A-Za-z_",
    xdigit: "0-9A-Fa-f",
  }),
);

/** Untranslated, JavaScript would match the letter itself. */
const ESCAPES: Readonly<Record<string, string>> = { "\\A": "^", "\\z": "$" };
const UNKNOWN_TO_JAVASCRIPT = new Set(["\\Q", "\\E", "\\C", "\\p", "\\P", "\\a"]);

export function parseRe2Pattern(pattern: string): FlagText<RegExp> {
  if (pattern === "") return { expected: "a regular expression" };
  const [, flags = "", body = ""] = /^(?:\(\?([ims]+)\))?(.*)$/s.exec(pattern) ?? [];
  const unsupported: string[] = [];
  const translated = body.replace(/\\.|\[:\w+:\]|\(\?P</gs, (token) => {
    if (token === "(?P<") return "(?<";
    if (UNKNOWN_TO_JAVASCRIPT.has(token)) unsupported.push(token);
    if (token.startsWith("\\")) return ESCAPES[token] ?? token;
    const characters = POSIX_CLASSES.get(token.slice(2, -2));
    if (characters === undefined) unsupported.push(token);
    return characters ?? token;
  });
  if (unsupported.length > 0) return { expected: `a regular expression without ${unsupported.join(", ")}` };
  try {
    return { value: new RegExp(translated, flags) };
  } catch (error) {
    return { expected: `a valid regular expression (${messageOf(error)})` };
  }
}
