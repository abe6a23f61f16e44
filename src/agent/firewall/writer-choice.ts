/** Which program writes the rules on this host. */

import { isProgramOf, missingPrograms } from "../../kernel/firewall/iptables/installation.ts";
import type { HostPrograms } from "../../kernel/firewall/programs.ts";
import type { FamilyRules, RuleSet } from "../../kernel/firewall/rule-set.ts";
import { FAMILIES, type Family } from "../../net/index.ts";

export type Writer = "nftables" | "iptables";

export interface Choice {
  /** null where no rules are desired, or no program can write them. */
  readonly writers: Readonly<Record<Family, Writer | null>>;
  /** Missing programs, each with the fix: reasons why the node is not ready. */
  readonly missing: readonly string[];
  /** What the node lacks although it is ready. */
  readonly notes: readonly string[];
}

/**
 * Chooses for each family separately: a program that one family lacks does not change the writer of the other.
 * @param enableNftables EnableNFTables of the network configuration
 */
export function chooseWriter(rules: RuleSet, enableNftables: boolean, host: HostPrograms): Choice {
  const notes = [...(host.broken ?? [])].map(([program, why]) => `${program} cannot be used: ${why}`);
  if (rules.packetFilter !== null && !host.hasNft) {
    notes.push(`forged packets are not filtered: ${nftMissing(host)}; install nftables`);
  }
  const missing: string[] = [];
  const choose = (family: Family): Writer | null => {
    if (!hasRules(rules.families[family])) return null;
    if (!enableNftables && host.iptables[family].length > 0) return "iptables";
    if (host.hasNft) return "nftables";
    missing.push(enableNftables ? nftRequired(host) : noWriter(family, host));
    return null;
  };
  const writers = { v4: choose("v4"), v6: choose("v6") };
  return { writers, missing: [...new Set(missing)], notes };
}

/** iptables where both are used, as it has more requirements. */
export function mainWriter({ writers }: Choice): Writer | null {
  const used = FAMILIES.flatMap((family) => writers[family] ?? []);
  return used.includes("iptables") ? "iptables" : (used[0] ?? null);
}

function nftMissing({ broken }: HostPrograms): string {
  return broken?.has("nft") ? "nft cannot be used" : "nft is not in the PATH";
}

function nftRequired(host: HostPrograms): string {
  const why = host.broken?.get("nft");
  const reason = why === undefined ? nftMissing(host) : `${nftMissing(host)} (${why})`;
  return `EnableNFTables is set, but ${reason}: install nftables or unset it`;
}

function noWriter(family: Family, { broken = new Map<string, string>() }: HostPrograms): string {
  const what = [...broken].filter(([program]) => program === "nft" || isProgramOf(family, program));
  const [first] = what;
  if (first === undefined) {
    return `${missingPrograms(family)} are not in the PATH, nor is nft: install iptables or nftables`;
  }
  const reasons = what.map(([program, why]) => `${program} cannot be used (${why})`).join(" and ");
  return `no program can write rules: ${reasons}; repair it, or install iptables or nftables`;
}

function hasRules(rules: FamilyRules | null): boolean {
  return rules !== null && (rules.forward !== null || rules.masquerade !== null);
}
