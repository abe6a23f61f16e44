/**
 * How packets that claim a pod's address may reach this node: those of another node's pods through a tunnel, or bare on
 * an interface where the backend sends so, and only from a subnet of a peer that does; those of its own pods never from
 * the underlay.
 *
 * What is protected are pods: a packet is refused if it is for one, of this node or of a peer, or if it claims to be
 * from one of this node. The host's own business passes, also where the network covers the addresses of hosts.
 * On the underlay everything is looked at that claims an address which can be leased; on the other interfaces what is
 * for a pod of this node. What else comes there, such as from a second network of the host, takes ways that no lease
 * tells.
 */
import { FAMILIES, type Family, familyOf, type Prefix, prefixFamily } from "../../../net/index.ts";
import type { AddressRange, Arrivals, PacketFilter } from "../packet-origins.ts";
import type { Refusal } from "../refusal.ts";
import { leasedRanges } from "./leased-ranges.ts";
import { byLength, maskOf, usualLength } from "./prefix-sets.ts";
import { addressesType } from "./source-address.ts";

const HEADER: Readonly<Record<Family, string>> = { v4: "ip", v6: "ip6" };

/** Subnets of peers, of those that may come bare and of all others. */
const PEERS = ["bare", "peers"] as const;
const peersSet = (which: string, family: Family) => `${which}-${family}`;
const otherPeersSet = (which: string, family: Family) => `other-${which}-${family}`;
/** Only what matches nothing before is looked up in it. */
const hostsSet = (family: Family) => `hosts-${family}`;

export function arrivalSets(): string[] {
  return FAMILIES.flatMap((family) => {
    const type = addressesType(family);
    return [
      ...PEERS.flatMap((which) => [
        ...[`set ${peersSet(which, family)} {`, type, "}"],
        ...[`set ${otherPeersSet(which, family)} {`, type, "flags interval", "}"],
      ]),
      ...[`set ${hostsSet(family)} {`, type, "flags interval", "}"],
    ];
  });
}

export function arrivalElements(
  { barePeers, peers, hosts }: Arrivals,
  subnets: PacketFilter["subnets"],
): [string, ReadonlySet<string>][] {
  return FAMILIES.flatMap((family): [string, ReadonlySet<string>][] => {
    const elements = (which: string, prefixes: readonly Prefix[]): [string, ReadonlySet<string>][] => {
      const ofFamily = prefixes.filter((prefix) => prefixFamily(prefix) === family);
      const { usual, others } = byLength(ofFamily, usualLength(subnets[family], family));
      return [
        [peersSet(which, family), new Set(usual)],
        [otherPeersSet(which, family), new Set(others)],
      ];
    };
    const ofHosts = hosts.filter(({ first }) => familyOf(first) === family).map(formatRange);
    return [
      ...elements("bare", barePeers),
      ...elements("peers", peers),
      [hostsSet(family), new Set(ofHosts)],
    ];
  });
}

/** In an order in which they can be deleted. */
export const ARRIVAL_CHAINS = [
  "arrivals",
  ...FAMILIES.flatMap((family) => [`from-underlay-${family}`, `from-elsewhere-${family}`]),
];

/**
 * @param refuse the statement that refuses for a reason
 * @param openUnlessEnforced the rule that lets everything pass while no daemon keeps the filter
 */
export function arrivalChains(
  { tunnels, underlay, bare, barePeers, peers }: Arrivals,
  { leasable, subnets }: Pick<PacketFilter, "leasable" | "subnets">,
  refuse: (reason: Refusal) => string,
  openUnlessEnforced: string,
): string[] {
  const on = (ifaces: readonly string[]) => `iifname { ${ifaces.map(quoted).join(", ")} } `;
  // The chain is entered from the underlay alone.
  const onBare = underlay.every((iface) => bare.includes(iface)) ? "" : on(bare);
  const checked = FAMILIES.flatMap((family) => {
    const range = leasable[family];
    const subnet = subnets[family];
    if (range === null || subnet === null) return [];
    const ranges = leasedRanges(range, [subnet, ...barePeers, ...peers]);
    return [{ family, subnet, leased: formatRanges(ranges) }];
  });
  const isPeers = (which: string, family: Family, subnet: Prefix, end: "saddr" | "daddr") => {
    const field = `${HEADER[family]} ${end}`;
    const mask = maskOf(usualLength(subnet, family), family);
    return [`${field} & ${mask} @${peersSet(which, family)}`, `${field} @${otherPeersSet(which, family)}`];
  };
  return [
    "chain arrivals {",
    "type filter hook prerouting priority raw; policy accept;",
    ...tunnels.map((iface) => `iifname ${quoted(iface)} accept`),
    ...checked.flatMap(({ family, subnet, leased }) => {
      const field = HEADER[family];
      return [
        `${field} saddr ${leased} ${on(underlay)}goto from-underlay-${family}`,
        `${field} saddr ${leased} ${field} daddr ${subnet} iifname != "lo" goto from-elsewhere-${family}`,
      ];
    }),
    "}",
    ...checked.flatMap(({ family, subnet }) => {
      const field = HEADER[family];
      const fromPeers = isPeers("bare", family, subnet, "saddr");
      const toPeers = PEERS.flatMap((which) => isPeers(which, family, subnet, "daddr"));
      return [
        `chain from-underlay-${family} {`,
        ...(bare.length === 0 ? [] : fromPeers.map((match) => `${onBare}${match} accept`)),
        `${field} saddr @${hostsSet(family)} accept`,
        openUnlessEnforced,
        `${field} saddr ${subnet} ${refuse("own-source")}`,
        `${field} daddr @${hostsSet(family)} accept`,
        `${field} daddr ${subnet} ${refuse("wrong-arrival")}`,
        ...toPeers.map((match) => `${match} ${refuse("wrong-arrival")}`),
        "}",
        `chain from-elsewhere-${family} {`,
        `${field} saddr ${subnet} accept`,
        `${field} saddr @${hostsSet(family)} accept`,
        openUnlessEnforced,
        `${field} daddr @${hostsSet(family)} accept`,
        refuse("wrong-arrival"),
        "}",
      ];
    }),
  ];
}

/** One is written as it is, as this is the usual case. */
function formatRanges(ranges: readonly AddressRange[]): string {
  const [first, ...others] = ranges.map(formatRange);
  return others.length === 0 ? String(first) : `{ ${[first, ...others].join(", ")} }`;
}

function formatRange({ first, last }: AddressRange): string {
  return first === last ? first : `${first}-${last}`;
}

/**
 * The kernel lets a device's name have nearly any byte, nft's strings know no escape, end at a quote and take "*"
 * for any ending. A device with such a name matches nothing.
 */
function quoted(iface: string): string {
  return `"${iface.replaceAll(/["\\\n*]/g, "?")}"`;
}
