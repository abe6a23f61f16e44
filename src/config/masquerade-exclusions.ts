/** Destinations that see a pod's own address instead of the node's: given as a list, or in a file. */
import { addressBits, familyOf, type Prefix, prefixOf, tryParseIp, tryParsePrefix } from "../net/index.ts";
import type { Flag } from "./flag.ts";

export type MasqueradeExclusions =
  | { readonly kind: "list"; readonly prefixes: readonly Prefix[] }
  /** Separated by commas, blanks or lines; "#" starts a comment. Followed by {@link followExclusions}. */
  | { readonly kind: "file"; readonly path: string };

type Exclusions = { readonly prefixes: readonly Prefix[] } | { readonly malformed: string };

/** An address means only itself (/32 or /128). Returns the first malformed word, if any. */
export function parseExclusions(text: string): Exclusions {
  const prefixes = new Set<Prefix>();
  for (const word of text.replaceAll(/#.*/g, "").split(/[,\s]+/)) {
    if (word === "") continue;
    const prefix = tryParsePrefix(word) ?? hostPrefix(word);
    if (prefix === null) return { malformed: word };
    prefixes.add(prefix);
  }
  return { prefixes: [...prefixes] };
}

export function exclusionsFlag(help: string): Flag<MasqueradeExclusions> {
  return {
    help,
    placeholder: "prefixes|@file",
    fallback: { kind: "list", prefixes: [] },
    parse(text) {
      if (text.startsWith("@") && text.length > 1) {
        return { value: { kind: "file", path: text.slice(1) } };
      }
      const parsed = parseExclusions(text);
      return "prefixes" in parsed
        ? { value: { kind: "list", prefixes: parsed.prefixes } }
        : {
            expected:
              "networks without host bits such as 192.168.0.0/16, separated by commas, or @ and a path",
          };
    },
  };
}

function hostPrefix(text: string): Prefix | null {
  const ip = tryParseIp(text);
  return ip === null ? null : prefixOf(ip, addressBits(familyOf(ip)));
}
