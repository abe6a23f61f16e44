/** Finds our rules in the host's packet filters, for clean-up. */
import { FAMILIES } from "../../net/index.ts";
import type { LinuxFirewall } from "./access.ts";
import { CHAIN_PLACES } from "./iptables/chain.ts";
import { PACKET_FILTER_TABLE } from "./nftables/packet-filter-table.ts";
import { RULES_TABLES } from "./nftables/rules-table.ts";
import { tableKey } from "./nftables/table.ts";

/** Descriptions in a fixed order: "nftables table ip flannel-ipv4", "iptables chain FLANNEL-FWD (v4, nft)". */
export async function findOwnRules(
  access: Pick<LinuxFirewall, "programs" | "save" | "tables">,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { hasNft, iptables } = await access.programs();
  const tables = hasNft ? await access.tables(signal) : [];
  const own = [...Object.values(RULES_TABLES), PACKET_FILTER_TABLE].map(tableKey);
  const found = own.filter((key) => tables.includes(key)).map((key) => `nftables table ${key}`);
  for (const family of FAMILIES) {
    for (const installation of iptables[family]) {
      const saved = await access.save(installation, signal);
      for (const { name } of CHAIN_PLACES) {
        if (saved.includes(`:${name} `))
          found.push(`iptables chain ${name} (${family}, ${installation.kind})`);
      }
    }
  }
  return found;
}
