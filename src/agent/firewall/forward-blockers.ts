/**
 * Chains of other programs that every forwarded packet has to pass as well: a packet that our chain accepts is lost
 * where another chain drops it. Pure.
 */

import { type AddressMatch, addressBytes, type ForwardChain } from "../../kernel/firewall/forward-chain.ts";
import { CHAIN_PLACES } from "../../kernel/firewall/iptables/chain.ts";
import { PACKET_FILTER_TABLE } from "../../kernel/firewall/nftables/packet-filter-table.ts";
import { RULES_TABLES } from "../../kernel/firewall/nftables/rules-table.ts";
import { tableKey } from "../../kernel/firewall/nftables/table.ts";
import { FAMILIES, type Family, ipToBytes, type Prefix, prefixAddress } from "../../net/index.ts";

const OWN_TABLES = new Set([...Object.values(RULES_TABLES), PACKET_FILTER_TABLE].map(tableKey));
const OWN_CHAINS = new Set(CHAIN_PLACES.map(({ name }) => name));

/** A sentence for each chain that drops by default, and has no accepting rule for the networks of pods. */
export function forwardBlockers(
  chains: readonly ForwardChain[],
  networks: Readonly<Record<Family, Prefix | null>>,
): readonly string[] {
  return chains.flatMap((chain) => {
    if (chain.table !== null && OWN_TABLES.has(tableKey(chain.table))) return [];
    const blocked = FAMILIES.flatMap((family) => {
      const network = networks[family];
      if (network === null || !chain.families.includes(family)) return [];
      const drop = dropOf(chain, addressBytes(ipToBytes(prefixAddress(network))));
      return drop === null ? [] : [{ network, drop }];
    });
    const [first] = blocked;
    if (first === undefined) return [];
    const accepted = blocked.map(({ network }) => network).join(" and ");
    return [
      `${describeChain(chain)} ${first.drop}, so packets of pods that none of its rules accepts are lost: ` +
        `accept there what comes from and what goes to ${accepted}`,
    ];
  });
}

/** How the chain drops a packet of the network; null when it does not, or a rule may accept the packet. */
function dropOf({ rules, policy }: ForwardChain, network: string): string | null {
  const accepted = new Set<AddressMatch["field"]>();
  for (const { verdict, target, match } of rules) {
    if (target !== null && OWN_CHAINS.has(target)) return null;
    if (match === "anything") {
      if (verdict === "accept") return null;
      if (verdict === "drop" || verdict === "reject") return `ends in ${verdict}`;
    } else if (
      match !== "other" &&
      (verdict === "accept" || target !== null) &&
      network.startsWith(match.bytes)
    ) {
      accepted.add(match.field);
      if (accepted.size === 2) return null;
    }
  }
  return policy === "drop" ? "has policy drop" : null;
}

function describeChain({ table, name, families }: ForwardChain): string {
  if (table === null) return `chain ${name} of ${families.includes("v4") ? "iptables" : "ip6tables"}-legacy`;
  // iptables-nft keeps its rules in tables of these names.
  const isIptables = table.family !== "inet" && table.name === "filter" && name === "FORWARD";
  if (isIptables) return `chain ${name} of ${table.family === "ip" ? "iptables" : "ip6tables"}`;
  return `chain ${name} of nftables table ${tableKey(table)}`;
}
