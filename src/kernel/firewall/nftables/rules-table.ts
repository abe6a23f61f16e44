/**
 * Masquerading and forwarding rules in nftables, under flannel's names, so that either program can replace the other.
 */
import { type Family, prefixLength } from "../../../net/index.ts";
import type { PrefixMatch, Rule, Verdict } from "../rule.ts";
import type { FamilyRules } from "../rule-set.ts";
import type { NftTable, NftTableId } from "./table.ts";

export const RULES_TABLES: Readonly<Record<Family, NftTableId>> = {
  v4: { family: "ip", name: "flannel-ipv4" },
  v6: { family: "ip6", name: "flannel-ipv6" },
};

const VERDICTS: Readonly<Record<Verdict, string>> = {
  accept: "accept",
  return: "return",
  masquerade: "masquerade",
  "masquerade-fully-random": "masquerade fully-random",
};

/** The table, or null without rules. */
export function rulesTable(family: Family, rules: FamilyRules): NftTable | null {
  if (rules.forward === null && rules.masquerade === null) return null;
  const id = RULES_TABLES[family];
  const chains: string[] = [];
  if (rules.forward !== null) {
    chains.push(
      "chain forward {",
      'comment "chain to accept flannel traffic"',
      "type filter hook forward priority filter; policy accept;",
      ...rules.forward.map((rule) => ruleText(family, rule)),
      "}",
    );
  }
  if (rules.masquerade !== null) {
    chains.push(
      "chain postrtg {",
      'comment "chain to manage traffic masquerading by flannel"',
      "type nat hook postrouting priority srcnat; policy accept;",
      ...rules.masquerade.map((rule) => ruleText(family, rule)),
      "}",
    );
  }
  const sets = [`comment "rules for ${id.name}"`];
  return {
    ...id,
    sets,
    chains,
    others: { sets: [], chains: [] },
    elements: new Map(),
    format: (element) => element,
  };
}

function ruleText(family: Family, { match, verdict }: Rule): string {
  const words: string[] = [];
  if (match.mark !== undefined) {
    const bits = `0x${match.mark.bits.toString(16)}`;
    words.push(`meta mark & ${bits} == ${bits}`);
  }
  words.push(
    ...addressText(family, "saddr", match.source),
    ...addressText(family, "daddr", match.destination),
  );
  return [...words, VERDICTS[verdict]].join(" ");
}

function addressText(family: Family, field: string, match: PrefixMatch | undefined): string[] {
  if (match === undefined) return [];
  const { prefix, negated } = match;
  if (prefixLength(prefix) === 0 && !negated) return [];
  return [`${family === "v4" ? "ip" : "ip6"} ${field} ${negated ? "!= " : ""}${prefix}`];
}
