/** The packet filter as a table of nftables: one body for each setting, and the peers as elements of its sets. */
import type { PacketFilter } from "../packet-origins.ts";
import { REFUSALS, type Refusal } from "../refusal.ts";
import { ARRIVAL_CHAINS, arrivalChains, arrivalElements, arrivalSets } from "./arrival-chains.ts";
import type { NftTable, NftTableId } from "./table.ts";
import { spellSender, VXLAN_CHAINS, vxlanChains, vxlanElements, vxlanSets } from "./vxlan-chains.ts";

export const PACKET_FILTER_TABLE: NftTableId = { family: "inet", name: "tweed-packet-filter" };

const REPORT_CHAIN = "report";

/** Lets the packet pass, with a line in the kernel's log for some of them. */
const REPORT = [
  `chain ${REPORT_CHAIN} {`,
  'limit rate 5/second burst 20 packets log prefix "tweed forged packet: "',
  "accept",
  "}",
];

/** The table, or null when there is nothing to check. */
export function packetFilterTable(filter: PacketFilter): NftTable | null {
  const { vxlan, direct, action } = filter;
  if (vxlan === null && direct === null) return null;
  const refuse = (reason: Refusal) =>
    `counter name "${reason}" ${action === "drop" ? "drop" : `goto ${REPORT_CHAIN}`}`;
  const chains = [
    ...(action === "log" ? REPORT : []),
    ...(vxlan === null ? [] : vxlanChains(vxlan, refuse)),
    ...(direct === null ? [] : arrivalChains(direct, filter, refuse)),
  ];
  return {
    ...PACKET_FILTER_TABLE,
    sets: [
      'comment "packets that are not what they claim"',
      ...REFUSALS.flatMap((reason) => [`counter ${reason} {`, "}"]),
      ...(vxlan === null ? [] : vxlanSets()),
      ...(direct === null ? [] : arrivalSets()),
    ],
    chains,
    others: {
      sets: [...(vxlan === null ? vxlanSets() : []), ...(direct === null ? arrivalSets() : [])],
      chains: [REPORT_CHAIN, ...VXLAN_CHAINS, ...ARRIVAL_CHAINS].filter(
        (chain) => !chains.includes(`chain ${chain} {`),
      ),
    },
    elements: new Map([
      ...(vxlan === null ? [] : vxlanElements(vxlan)),
      ...(direct === null ? [] : arrivalElements(direct)),
    ]),
    spell: spellSender,
  };
}
