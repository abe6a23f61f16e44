/**
 * Checks datagrams to the VXLAN socket. The check is in hook input, where datagrams for this host have been reassembled
 * from fragments, so that a forwarded tunnel is not affected.
 *
 * Offsets count bits from the outer UDP header: 64 of UDP, 64 of VXLAN (RFC 7348 section 5), 112 of Ethernet. A
 * datagram that ends before a rule's field does not match the rule, and so reaches the last one. A datagram with
 * another VNI, or too short for one, passes: it never reaches a device of ours, and may be another overlay's.
 */
import { FAMILIES, type Family } from "../../../net/index.ts";
import type { PacketFilter, VxlanOrigins } from "../packet-origins.ts";
import type { Refusal } from "../refusal.ts";
import { SenderSets } from "./sender-sets.ts";

const VNI = "@th,96,24";
const ETHER_TYPE = "@th,224,16";
const ETHER_TYPES = { v4: "0x0800", v6: "0x86dd", vlan: ["0x8100", "0x88a8"] } as const;

/** The inner source address: at byte 12 of an IPv4 header, at byte 8 of an IPv6 header. */
const INNER_SOURCE: Readonly<Record<Family, string>> = { v4: "@th,336,32", v6: "@th,304,128" };

const SENDERS: Readonly<Record<Family, SenderSets>> = {
  v4: new SenderSets("vxlan", "v4", INNER_SOURCE.v4, "vxlan-ends-v4"),
  v6: new SenderSets("vxlan", "v6", INNER_SOURCE.v6, "vxlan-ends-v6"),
};

export function vxlanSets(): string[] {
  return FAMILIES.flatMap((family) => SENDERS[family].declarations());
}

export function vxlanElements(
  { senders }: VxlanOrigins,
  subnets: PacketFilter["subnets"],
): [string, ReadonlySet<string>][] {
  return FAMILIES.flatMap((family) => SENDERS[family].elements(senders, subnets));
}

/** With a hyphen, as no keyword has one: nft 1.0.7 made a keyword of "vxlan" alone. */
export const VXLAN_CHAIN = "vxlan-datagrams";

/** The rule of hook input that leads into the chain. */
export function vxlanMatch({ ports, vnis }: VxlanOrigins): string {
  return `udp dport ${anyOf(ports)} ${VNI} ${anyOf(vnis)} goto ${VXLAN_CHAIN}`;
}

/** The parameters are those of {@link arrivalChains}. */
export function vxlanChain(
  subnets: PacketFilter["subnets"],
  refuse: (reason: Refusal) => string,
  openUnlessEnforced: string,
): string[] {
  return [
    `chain ${VXLAN_CHAIN} {`,
    // First what nearly every packet is; each family lives in its own tunnel.
    ...FAMILIES.filter((family) => subnets[family] !== null).flatMap((family) =>
      SENDERS[family].matches(subnets).map((pair) => `${ETHER_TYPE} ${ETHER_TYPES[family]} ${pair} accept`),
    ),
    openUnlessEnforced,
    `${ETHER_TYPE} { ${ETHER_TYPES.vlan.join(", ")} } ${refuse("vlan-tagged")}`,
    `${ETHER_TYPE} != { ${ETHER_TYPES.v4}, ${ETHER_TYPES.v6} } ${refuse("not-ip")}`,
    ...FAMILIES.flatMap((inner) =>
      FAMILIES.flatMap((outer) => {
        // Any value matches: the rule checks only that the address is present.
        const isWhole = `${ETHER_TYPE} ${ETHER_TYPES[inner]} ${INNER_SOURCE[inner]} >= 0`;
        return [
          `${isWhole} ${SENDERS[outer].unknownEnd} ${refuse("unknown-peer")}`,
          `${isWhole} ${SENDERS[outer].knownEnd} ${refuse("foreign-source")}`,
        ];
      }),
    ),
    refuse("truncated"),
    "}",
  ];
}

function anyOf(numbers: readonly number[]): string {
  return `{ ${numbers.join(", ")} }`;
}
