/**
 * How packets of pods may reach this node without a tunnel of the kernel's: those of another node's pods on the
 * interfaces on which peers arrive, and only from a subnet that a peer has; those of its own pods on any other.
 *
 * On the peers' interfaces everything that claims a pod's address is looked at, wherever it goes; on the others what
 * is for a pod of this node. What else comes there, such as from a second network of the host, takes ways that no
 * lease tells.
 */
import { FAMILIES, type Family, prefixFamily } from "../../../net/index.ts";
import type { DirectOrigins, PacketFilter } from "../packet-origins.ts";
import type { Refusal } from "../refusal.ts";

const ADDRESS: Readonly<Record<Family, { readonly field: string; readonly type: string }>> = {
  v4: { field: "ip", type: "ipv4_addr" },
  v6: { field: "ip6", type: "ipv6_addr" },
};

/**
 * Pairs of an interface and what may come from there, although every peer may come from each: such an interval is one
 * element to the kernel. A set of plain intervals holds the ends of each as two (nft_set_rbtree.c).
 */
const arrivalsSet = (family: Family) => `arrivals-${family}`;

export function arrivalSets(): string[] {
  return FAMILIES.flatMap((family) => [
    `set ${arrivalsSet(family)} {`,
    `type ifname . ${ADDRESS[family].type}`,
    "flags interval",
    "}",
  ]);
}

export function arrivalElements({ peerInterfaces, sources }: DirectOrigins): [string, ReadonlySet<string>][] {
  return FAMILIES.map((family) => {
    const ofFamily = sources.filter((source) => prefixFamily(source) === family);
    const elements = peerInterfaces.flatMap((iface) =>
      ofFamily.map((source) => `${quoted(iface)} . ${source}`),
    );
    return [arrivalsSet(family), new Set(elements)];
  });
}

/** In an order in which they can be deleted. */
export const ARRIVAL_CHAINS = [
  "arrivals",
  ...FAMILIES.flatMap((family) => [`from-peers-${family}`, `from-elsewhere-${family}`]),
];

export function arrivalChains(
  { peerInterfaces }: DirectOrigins,
  { networks, subnets }: Pick<PacketFilter, "networks" | "subnets">,
  refuse: (reason: Refusal) => string,
): string[] {
  const onPeers = `iifname { ${peerInterfaces.map(quoted).join(", ")} }`;
  const checked = FAMILIES.flatMap((family) => {
    const network = networks[family];
    const subnet = subnets[family];
    return network === null || subnet === null ? [] : [{ family, network, subnet }];
  });
  return [
    "chain arrivals {",
    "type filter hook prerouting priority raw; policy accept;",
    ...checked.flatMap(({ family, network, subnet }) => {
      const { field } = ADDRESS[family];
      return [
        `${field} saddr ${network} ${onPeers} goto from-peers-${family}`,
        `${field} saddr ${network} ${field} daddr ${subnet} iifname != "lo" goto from-elsewhere-${family}`,
      ];
    }),
    "}",
    ...checked.flatMap(({ family, subnet }) => {
      const { field } = ADDRESS[family];
      return [
        `chain from-peers-${family} {`,
        `iifname . ${field} saddr @${arrivalsSet(family)} accept`,
        `${field} saddr ${subnet} ${refuse("own-source")}`,
        refuse("wrong-arrival"),
        "}",
        `chain from-elsewhere-${family} {`,
        `${field} saddr ${subnet} accept`,
        refuse("wrong-arrival"),
        "}",
      ];
    }),
  ];
}

/**
 * The kernel lets a device's name have nearly any byte, nft's strings know no escape, end at a quote and take "*"
 * for any ending. A device with such a name matches nothing.
 */
function quoted(iface: string): string {
  return `"${iface.replaceAll(/["\\\n*]/g, "?")}"`;
}
