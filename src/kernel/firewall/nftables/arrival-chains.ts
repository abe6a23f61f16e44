/**
 * How packets with a pod's source address may arrive at this node. Those of another node's pods: through a tunnel, or
 * without one on an interface where the backend sends so, and only from the subnet of a peer that does. Those of its
 * own pods: never from the underlay.
 *
 * The rules protect pods: they refuse a packet that is for a pod, of this node or of a peer, or that has the source
 * address of a pod of this node. Traffic of hosts passes, also where the network covers addresses of hosts. On the
 * underlay the rules check every packet with a source that can be leased; on other interfaces only those to pods of
 * this node, since leases do not say how other traffic arrives there, as from a second network of the host.
 */
import { FAMILIES, type Family, familyOf, type Prefix, prefixFamily } from "../../../net/index.ts";
import type { AddressRange, Arrivals, PacketFilter } from "../packet-origins.ts";
import type { Refusal } from "../refusal.ts";
import { leasedRanges } from "./leased-ranges.ts";
import { byLength, maskOf, usualLength } from "./prefix-sets.ts";
import { addressesType } from "./source-address.ts";

const HEADER: Readonly<Record<Family, string>> = { v4: "ip", v6: "ip6" };

/** Subnets of peers: of those whose packets may arrive without a tunnel, and of all others. */
const PEERS = ["bare", "peers"] as const;
const peersSet = (which: string, family: Family) => `${which}-${family}`;
const otherPeersSet = (which: string, family: Family) => `other-${which}-${family}`;
/** Looked up only for packets that no rule before it matched. */
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

/** In an order that allows to delete them. */
export const ARRIVAL_CHAINS = [
  "arrivals",
  ...FAMILIES.flatMap((family) => [`from-underlay-${family}`, `from-elsewhere-${family}`]),
];

/**
 * @param refuse returns the statement that refuses a packet for a reason
 * @param openUnlessEnforced the rule that accepts every packet while no daemon renews the enforcement set
 */
export function arrivalChains(
  { tunnels, underlay, bare, barePeers, peers }: Arrivals,
  { leasable, subnets }: Pick<PacketFilter, "leasable" | "subnets">,
  refuse: (reason: Refusal) => string,
  openUnlessEnforced: string,
): string[] {
  const on = (ifaces: readonly string[]) => `iifname { ${ifaces.map(quoted).join(", ")} } `;
  // Only packets from the underlay enter the chain.
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
 * The kernel allows nearly any byte in a device's name, but nft's strings have no escapes, end at a quote and take a
 * "*" as a wildcard. A device with such a name matches nothing.
 */
function quoted(iface: string): string {
  return `"${iface.replaceAll(/["\\\n*]/g, "?")}"`;
}
