/**
 * What may come out of the VXLAN socket. The check sits where datagrams for this host itself have been put
 * together again from their fragments (hook input), so that a tunnel that only passes through is left alone.
 *
 * Offsets count bits from the outer UDP header: 64 of UDP, 64 of VXLAN (RFC 7348 section 5), 112 of Ethernet.
 * A datagram that ends before what a rule looks at does not match the rule, and so falls through to the last.
 * One of another VNI, or too short to have one, never comes out of a device of ours: it may be another overlay's.
 */
import {
  FAMILIES,
  type Family,
  familyOf,
  parsePrefix,
  prefixFamily,
  prefixLength,
  prefixRange,
} from "../../../net/index.ts";
import type { PacketFilter, VxlanOrigins, VxlanSender } from "../packet-origins.ts";
import type { Refusal } from "../refusal.ts";
import { rawMaskOf, usualLength } from "./prefix-sets.ts";
import { addressesType, SOURCE_ADDRESS } from "./source-address.ts";

const VNI = "@th,96,24";
const ETHER_TYPE = "@th,224,16";
const ETHER_TYPES = { v4: "0x0800", v6: "0x86dd", vlan: ["0x8100", "0x88a8"] } as const;

/** The source address inside: behind 12 bytes of an IPv4 header, behind 8 of an IPv6 header. */
const INNER_SOURCE: Readonly<Record<Family, string>> = { v4: "@th,336,32", v6: "@th,304,128" };

/** Pairs of a tunnel end and the subnet behind it. */
const sendersSet = (family: Family) => `vxlan-senders-${family}`;
const otherSendersSet = (family: Family) => `vxlan-other-senders-${family}`;
/** Tunnel ends alone, to tell an unknown sender from a forged inner source. */
const endsSet = (family: Family) => `vxlan-ends-${family}`;

export function vxlanSets(): string[] {
  return FAMILIES.flatMap((family) => {
    const pair = `typeof ${SOURCE_ADDRESS[family]} . ${INNER_SOURCE[family]}`;
    return [
      ...[`set ${sendersSet(family)} {`, pair, "}"],
      ...[`set ${otherSendersSet(family)} {`, pair, "flags interval", "}"],
      ...[`set ${endsSet(family)} {`, addressesType(family), "}"],
    ];
  });
}

export function vxlanElements(
  { senders }: VxlanOrigins,
  subnets: PacketFilter["subnets"],
): [string, ReadonlySet<string>][] {
  return FAMILIES.flatMap((family): [string, ReadonlySet<string>][] => {
    const ofFamily = senders.filter(
      ({ outer, inner }) => familyOf(outer) === family && prefixFamily(inner) === family,
    );
    const length = usualLength(subnets[family], family);
    const isUsual = ({ inner }: VxlanSender) => prefixLength(inner) === length;
    return [
      [sendersSet(family), new Set(ofFamily.filter(isUsual).map(senderElement))],
      [otherSendersSet(family), new Set(ofFamily.filter((sender) => !isUsual(sender)).map(rangeElement))],
      [endsSet(family), new Set(ofFamily.map(({ outer }) => outer))],
    ];
  });
}

/** With a hyphen, as no keyword has one: nft 1.0.7 made a keyword of "vxlan" alone. */
const DATAGRAMS = "vxlan-datagrams";

/** In an order in which they can be deleted. */
export const VXLAN_CHAINS = ["input", DATAGRAMS] as const;

/** The parameters are those of {@link arrivalChains}. */
export function vxlanChains(
  { ports, vnis }: VxlanOrigins,
  subnets: PacketFilter["subnets"],
  refuse: (reason: Refusal) => string,
  openUnlessKept: string,
): string[] {
  return [
    "chain input {",
    "type filter hook input priority raw; policy accept;",
    `udp dport ${anyOf(ports)} ${VNI} ${anyOf(vnis)} goto ${DATAGRAMS}`,
    "}",
    `chain ${DATAGRAMS} {`,
    // First what nearly every packet is; each family lives in its own tunnel.
    ...FAMILIES.filter((family) => subnets[family] !== null).flatMap((family) => {
      const pair = `${ETHER_TYPE} ${ETHER_TYPES[family]} ${SOURCE_ADDRESS[family]} . ${INNER_SOURCE[family]}`;
      const mask = rawMaskOf(usualLength(subnets[family], family), family);
      return [
        `${pair} & ${mask} @${sendersSet(family)} accept`,
        `${pair} @${otherSendersSet(family)} accept`,
      ];
    }),
    openUnlessKept,
    `${ETHER_TYPE} { ${ETHER_TYPES.vlan.join(", ")} } ${refuse("vlan-tagged")}`,
    `${ETHER_TYPE} != { ${ETHER_TYPES.v4}, ${ETHER_TYPES.v6} } ${refuse("not-ip")}`,
    ...FAMILIES.flatMap((inner) =>
      FAMILIES.flatMap((outer) => {
        // Any value at all: the rule asks no more than that the address is there.
        const isWhole = `${ETHER_TYPE} ${ETHER_TYPES[inner]} ${INNER_SOURCE[inner]} >= 0`;
        return [
          `${isWhole} ${SOURCE_ADDRESS[outer]} != @${endsSet(outer)} ${refuse("unknown-peer")}`,
          `${isWhole} ${SOURCE_ADDRESS[outer]} @${endsSet(outer)} ${refuse("foreign-source")}`,
        ];
      }),
    ),
    refuse("truncated"),
    "}",
  ];
}

/** Tell senders from elements of any other set. */
const BEHIND = " <- ";
const RANGE_BEHIND = " <= ";

/** A peer by its tunnel end and what lies behind it. */
function senderElement({ outer, inner }: VxlanSender): string {
  return `${outer}${BEHIND}${inner}`;
}

function rangeElement({ outer, inner }: VxlanSender): string {
  return `${outer}${RANGE_BEHIND}${inner}`;
}

/** nft knows no type for raw bits but a number, so a subnet is written as its first number, or the range of them. */
export function spellSender(element: string): string {
  const isRange = element.includes(RANGE_BEHIND);
  const [outer = "", inner] = element.split(isRange ? RANGE_BEHIND : BEHIND);
  if (inner === undefined) return element;
  const { first, last } = prefixRange(parsePrefix(inner));
  return `${outer} . 0x${first.toString(16)}${isRange ? `-0x${last.toString(16)}` : ""}`;
}

function anyOf(numbers: readonly number[]): string {
  return `{ ${numbers.join(", ")} }`;
}
