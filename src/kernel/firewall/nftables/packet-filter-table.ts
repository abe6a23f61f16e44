/** The packet filter as a table of nftables: one body for each setting, and the peers as elements of its sets. */
import { FAMILIES, type Family } from "../../../net/index.ts";
import type { PacketFilter } from "../packet-origins.ts";
import { REFUSALS, type Refusal } from "../refusal.ts";
import { ARRIVAL_CHAINS, arrivalChains, arrivalElements, arrivalSets } from "./arrival-chains.ts";
import {
  ENFORCEMENT_ELEMENTS,
  ENFORCEMENT_SET,
  enforcementSet,
  formatEnforcement,
  OPEN_UNLESS_ENFORCED,
} from "./enforcement-set.ts";
import { addressesType, SOURCE_ADDRESS } from "./source-address.ts";
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

const refusalChain = (reason: Refusal) => `refuse-${reason}`;

/** Sources whose packets were refused lately, for the daemon's log. */
export const sourcesSet = (reason: Refusal, family: Family) => `${reason}-${family}`;
/** Limited, as a forger chooses the sources. */
const MOST_SOURCES = 16;

/** The table, or null when there is nothing to check. */
export function packetFilterTable(filter: PacketFilter): NftTable | null {
  const { vxlan, arrivals, action } = filter;
  if (vxlan === null && arrivals === null) return null;
  const refuse = (reason: Refusal) => `goto ${refusalChain(reason)}`;
  const chains = [
    ...(action === "log" ? REPORT : []),
    ...REFUSALS.flatMap((reason) => refusalChainText(reason, action)),
    ...(vxlan === null ? [] : vxlanChains(vxlan, filter.subnets, refuse, OPEN_UNLESS_ENFORCED)),
    ...(arrivals === null ? [] : arrivalChains(arrivals, filter, refuse, OPEN_UNLESS_ENFORCED)),
  ];
  const sets = [
    'comment "packets that are not what they claim"',
    ...REFUSALS.flatMap((reason) => [`counter ${reason} {`, "}"]),
    ...REFUSALS.flatMap(sourcesSets),
    ...enforcementSet(),
    ...(vxlan === null ? [] : vxlanSets()),
    ...(arrivals === null ? [] : arrivalSets()),
  ];
  return {
    ...PACKET_FILTER_TABLE,
    sets,
    chains,
    others: {
      sets: [...(vxlan === null ? vxlanSets() : []), ...(arrivals === null ? arrivalSets() : [])],
      chains: [REPORT_CHAIN, ...VXLAN_CHAINS, ...ARRIVAL_CHAINS].filter(
        (chain) => !chains.includes(`chain ${chain} {`),
      ),
    },
    elements: new Map([
      [ENFORCEMENT_SET, ENFORCEMENT_ELEMENTS],
      ...(vxlan === null ? [] : vxlanElements(vxlan, filter.subnets)),
      ...(arrivals === null ? [] : arrivalElements(arrivals, filter.subnets)),
    ]),
    spell: (element) => formatEnforcement(element) ?? spellSender(element),
  };
}

function refusalChainText(reason: Refusal, action: PacketFilter["action"]): string[] {
  return [
    `chain ${refusalChain(reason)} {`,
    // A set that is full ends the rule, not the chain.
    ...FAMILIES.map((family) => `update @${sourcesSet(reason, family)} { ${SOURCE_ADDRESS[family]} }`),
    `counter name "${reason}" ${action === "drop" ? "drop" : `goto ${REPORT_CHAIN}`}`,
    "}",
  ];
}

function sourcesSets(reason: Refusal): string[] {
  return FAMILIES.flatMap((family) => [
    `set ${sourcesSet(reason, family)} {`,
    addressesType(family),
    `size ${MOST_SOURCES}`,
    "flags dynamic,timeout",
    "timeout 2m",
    "}",
  ]);
}
