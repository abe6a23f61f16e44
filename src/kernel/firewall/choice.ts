/** Which writer keeps the rules on this host. */
import { FAMILIES, type Family } from "../../net/index.ts";
import { type Installation, missingPrograms } from "./iptables/installation.ts";
import type { FamilyRules, RuleSet } from "./rule-set.ts";

export interface HostPrograms {
  readonly hasNft: boolean;
  /** Every iptables of each family; the first is the host's own choice. */
  readonly iptables: Readonly<Record<Family, readonly Installation[]>>;
}

export interface Choice {
  /** null when no rules are wanted, or nothing here can write them. */
  readonly writer: "nftables" | "iptables" | null;
  /** What is missing, and what to do about it: reasons for the node not to be ready. */
  readonly missing: readonly string[];
  /** What goes without, where the node is ready all the same. */
  readonly notes: readonly string[];
}

/** @param enableNftables EnableNFTables of the network configuration */
export function chooseWriter(rules: RuleSet, enableNftables: boolean, host: HostPrograms): Choice {
  const notes =
    rules.packetFilter !== null && !host.hasNft
      ? ["forged packets are not filtered: nft is not in the PATH; install nftables"]
      : [];
  const families = FAMILIES.filter((family) => wantsRules(rules.families[family]));
  if (families.length === 0) return { writer: null, missing: [], notes };

  if (enableNftables) {
    if (host.hasNft) return { writer: "nftables", missing: [], notes };
    const missing = ["EnableNFTables is set, but nft is not in the PATH: install nftables or unset it"];
    return { writer: null, missing, notes };
  }
  const without = families.filter((family) => host.iptables[family].length === 0);
  if (without.length === 0) return { writer: "iptables", missing: [], notes };
  if (host.hasNft) return { writer: "nftables", missing: [], notes };

  const missing = without.map(
    (family) => `${missingPrograms(family)} are not in the PATH, nor is nft: install iptables or nftables`,
  );
  return { writer: without.length < families.length ? "iptables" : null, missing, notes };
}

function wantsRules(rules: FamilyRules | null): boolean {
  return rules !== null && (rules.forward !== null || rules.masquerade !== null);
}
