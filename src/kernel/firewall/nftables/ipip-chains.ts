/**
 * What may come out of an ipip device. Any host can send packets to it, as IP in IP (RFC 2003) has neither port nor key. An
 * inner source that can be leased is accepted from its own node alone; any other passes: it is no pod's, and may belong to
 * a tunnel of the operator's.
 *
 * The check sits at hook input, where the kernel has reassembled fragments. Offsets count bits from the end of the outer
 * IPv4 header.
 */
import { ipBits } from "../../../net/index.ts";
import type { AddressRange, IpipOrigins, PacketFilter } from "../packet-origins.ts";
import type { Refusal } from "../refusal.ts";
import { leasedRanges } from "./leased-ranges.ts";
import { SenderSets } from "./sender-sets.ts";

const INNER_SOURCE = "@th,96,32";
const SENDERS = new SenderSets("ipip", "v4", INNER_SOURCE, "ipip-ends");

export const IPIP_CHAIN = "ipip-packets";
/** The rule of hook input that leads into the chain. */
export const IPIP_MATCH = `ip protocol ipencap goto ${IPIP_CHAIN}`;

export function ipipSets(): string[] {
  return SENDERS.declarations();
}

export function ipipElements(
  { senders }: IpipOrigins,
  subnets: PacketFilter["subnets"],
): [string, ReadonlySet<string>][] {
  return SENDERS.elements(senders, subnets);
}

/** `refuse` and `openUnlessEnforced` are those of {@link arrivalChains}. */
export function ipipChain(
  { senders }: IpipOrigins,
  { leasable, subnets }: Pick<PacketFilter, "leasable" | "subnets">,
  refuse: (reason: Refusal) => string,
  openUnlessEnforced: string,
): string[] {
  const pods = [...(subnets.v4 === null ? [] : [subnets.v4]), ...senders.map(({ inner }) => inner)];
  const leased = leasable.v4 === null ? [] : leasedRanges(leasable.v4, pods);
  return [
    `chain ${IPIP_CHAIN} {`,
    ...SENDERS.matches(subnets).map((pair) => `${pair} accept`),
    openUnlessEnforced,
    ...(leased.length === 0 ? [] : [`${INNER_SOURCE} != { ${leased.map(formatRange).join(", ")} } accept`]),
    `${INNER_SOURCE} >= 0 ${SENDERS.unknownEnd} ${refuse("unknown-peer")}`,
    `${INNER_SOURCE} >= 0 ${refuse("foreign-source")}`,
    refuse("truncated"),
    "}",
  ];
}

function formatRange({ first, last }: AddressRange): string {
  return `0x${ipBits(first).toString(16)}-0x${ipBits(last).toString(16)}`;
}
