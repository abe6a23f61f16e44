/**
 * Rules exactly as iptables-save prints them, so that actual rules can be compared as text. The order within a rule is
 * addresses, matches, comment, target.
 */
import { prefixLength } from "../../../net/index.ts";
import type { PrefixMatch, Rule, Verdict } from "../rule.ts";
import type { ChainPlace } from "./chain.ts";

const TARGETS: Readonly<Record<Verdict, string>> = {
  accept: "ACCEPT",
  return: "RETURN",
  masquerade: "MASQUERADE",
  "masquerade-fully-random": "MASQUERADE --random-fully",
};

export function ruleText(place: ChainPlace, { match, verdict }: Rule): string {
  const words = [`-A ${place.name}`];
  words.push(...addressText("-s", match.source), ...addressText("-d", match.destination));
  if (match.mark !== undefined) {
    const bits = `0x${match.mark.bits.toString(16)}`;
    words.push(`-m mark --mark ${bits}/${bits}`);
  }
  words.push(commentText(place), `-j ${TARGETS[verdict]}`);
  return words.join(" ");
}

/** The rule specification only, without "-A", "-D" or "-I" and the built-in chain. */
export function jumpText(place: ChainPlace): string {
  return `${commentText(place)} -j ${place.name}`;
}

export function commentText({ comment }: ChainPlace): string {
  return `-m comment --comment "${comment}"`;
}

/** iptables-save omits a prefix of length 0, which matches every address. */
function addressText(option: string, match: PrefixMatch | undefined): string[] {
  if (match === undefined) return [];
  const { prefix, negated } = match;
  if (prefixLength(prefix) === 0 && !negated) return [];
  return [`${negated ? "! " : ""}${option} ${prefix}`];
}
