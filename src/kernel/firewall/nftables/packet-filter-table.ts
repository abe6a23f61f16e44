/** The packet filter as a table of nftables: its body depends on the settings, and peers are elements of its sets. */
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
import { IPIP_CHAIN, IPIP_MATCH, ipipChain, ipipElements, ipipSets } from "./ipip-chains.ts";
import { formatSender } from "./sender-sets.ts";
import { addressesType, SOURCE_ADDRESS } from "./source-address.ts";
import type { NftTable, NftTableId } from "./table.ts";
import { VXLAN_CHAIN, vxlanChain, vxlanElements, vxlanMatch, vxlanSets } from "./vxlan-chains.ts";

export const PACKET_FILTER_TABLE: NftTableId = { family: "inet", name: "tweed-packet-filter" };

const REPORT_CHAIN = "report";
const INPUT_CHAIN = "input";

/** Accepts the packet; some are logged in the kernel's log. */
const REPORT = [
  `chain ${REPORT_CHAIN} {`,
  'limit rate 5/second burst 20 packets log prefix "tweed forged packet: "',
  "accept",
  "}",
];

const refusalChain = (reason: Refusal) => `refuse-${reason}`;

/** Sources of packets refused recently, for the daemon's log. */
export const sourcesSet = (reason: Refusal, family: Family) => `${reason}-${family}`;
/** Limited, because a forger chooses the sources. */
const MAX_SOURCES = 16;

/** The table, or null when there is nothing to check. */
export function packetFilterTable(filter: PacketFilter): NftTable | null {
  const { vxlan, ipip, arrivals, subnets, action } = filter;
  if (vxlan === null && ipip === null && arrivals === null) return null;
  const refuse = (reason: Refusal) => `goto ${refusalChain(reason)}`;
  const chains = [
    ...(action === "log" ? REPORT : []),
    ...REFUSALS.flatMap((reason) => refusalChainText(reason, action)),
    ...inputChain(filter),
    ...(vxlan === null ? [] : vxlanChain(subnets, refuse, OPEN_UNLESS_ENFORCED)),
    ...(ipip === null ? [] : ipipChain(ipip, filter, refuse, OPEN_UNLESS_ENFORCED)),
    ...(arrivals === null ? [] : arrivalChains(arrivals, filter, refuse, OPEN_UNLESS_ENFORCED)),
  ];
  const sets = [
    'comment "packets that are not what they claim"',
    ...REFUSALS.flatMap((reason) => [`counter ${reason} {`, "}"]),
    ...REFUSALS.flatMap(sourcesSets),
    ...enforcementSet(),
    ...(vxlan === null ? [] : vxlanSets()),
    ...(ipip === null ? [] : ipipSets()),
    ...(arrivals === null ? [] : arrivalSets()),
  ];
  return {
    ...PACKET_FILTER_TABLE,
    sets,
    chains,
    others: {
      sets: [
        ...(vxlan === null ? vxlanSets() : []),
        ...(ipip === null ? ipipSets() : []),
        ...(arrivals === null ? arrivalSets() : []),
      ],
      chains: [REPORT_CHAIN, INPUT_CHAIN, VXLAN_CHAIN, IPIP_CHAIN, ...ARRIVAL_CHAINS].filter(
        (chain) => !chains.includes(`chain ${chain} {`),
      ),
    },
    elements: new Map([
      [ENFORCEMENT_SET, ENFORCEMENT_ELEMENTS],
      ...(vxlan === null ? [] : vxlanElements(vxlan, subnets)),
      ...(ipip === null ? [] : ipipElements(ipip, subnets)),
      ...(arrivals === null ? [] : arrivalElements(arrivals, subnets)),
    ]),
    format: (element) => formatEnforcement(element) ?? formatSender(element),
  };
}

/** Where datagrams for this host are whole: its rules lead those of our tunnels into the chain of their kind. */
function inputChain({ vxlan, ipip }: PacketFilter): string[] {
  const rules = [...(vxlan === null ? [] : [vxlanMatch(vxlan)]), ...(ipip === null ? [] : [IPIP_MATCH])];
  if (rules.length === 0) return [];
  return [`chain ${INPUT_CHAIN} {`, "type filter hook input priority raw; policy accept;", ...rules, "}"];
}

function refusalChainText(reason: Refusal, action: PacketFilter["action"]): string[] {
  return [
    `chain ${refusalChain(reason)} {`,
    // A full set ends the rule, not the chain.
    ...FAMILIES.map((family) => `update @${sourcesSet(reason, family)} { ${SOURCE_ADDRESS[family]} }`),
    `counter name "${reason}" ${action === "drop" ? "drop" : `goto ${REPORT_CHAIN}`}`,
    "}",
  ];
}

function sourcesSets(reason: Refusal): string[] {
  return FAMILIES.flatMap((family) => [
    `set ${sourcesSet(reason, family)} {`,
    addressesType(family),
    `size ${MAX_SOURCES}`,
    "flags dynamic,timeout",
    "timeout 2m",
    "}",
  ]);
}
