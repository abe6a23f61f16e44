/**
 * How a packet of one pod to another may reach this node without a tunnel of the kernel's: on the interface that
 * its node sends through, and from that node's Ethernet address where it is known.
 *
 * Only what is addressed to a pod of this node is looked at. What a pod sends to a host, to a service or to
 * anywhere else takes ways that no lease tells.
 */
import { FAMILIES, type Family, prefixFamily } from "../../../net/index.ts";
import type { Arrival, DirectOrigins, PacketFilter } from "../packet-origins.ts";
import type { Refusal } from "../refusal.ts";

const ADDRESS: Readonly<Record<Family, { readonly field: string; readonly type: string }>> = {
  v4: { field: "ip", type: "ipv4_addr" },
  v6: { field: "ip6", type: "ipv6_addr" },
};

/** By interface, for peers whose Ethernet address is not known. */
const interfacesSet = (family: Family) => `arrival-interfaces-${family}`;
/** By interface and Ethernet address. */
const linksSet = (family: Family) => `arrival-links-${family}`;

export function arrivalSets(): string[] {
  return FAMILIES.flatMap((family) => [
    `set ${interfacesSet(family)} {`,
    `type ifname . ${ADDRESS[family].type}`,
    "flags interval",
    "}",
    `set ${linksSet(family)} {`,
    `type ifname . ether_addr . ${ADDRESS[family].type}`,
    "flags interval",
    "}",
  ]);
}

export function arrivalElements({ arrivals }: DirectOrigins): [string, ReadonlySet<string>][] {
  return FAMILIES.flatMap((family): [string, ReadonlySet<string>][] => {
    const ofFamily = arrivals.filter(({ source }) => prefixFamily(source) === family);
    return [
      [interfacesSet(family), new Set(ofFamily.filter(isOfAnyLink).map(arrivalElement))],
      [linksSet(family), new Set(ofFamily.filter((arrival) => !isOfAnyLink(arrival)).map(arrivalElement))],
    ];
  });
}

export function arrivalChains(
  { peerInterfaces }: DirectOrigins,
  { networks, subnets }: Pick<PacketFilter, "networks" | "subnets">,
  refuse: (reason: Refusal) => string,
): string[] {
  const peers = peerInterfaces.map(quoted).join(", ");
  const checked = FAMILIES.flatMap((family) => {
    const network = networks[family];
    const subnet = subnets[family];
    return network === null || subnet === null ? [] : [{ family, network, subnet }];
  });
  return [
    "chain arrivals {",
    "type filter hook prerouting priority raw; policy accept;",
    ...checked.map(({ family, network, subnet }) => {
      const { field } = ADDRESS[family];
      return `${field} daddr ${subnet} ${field} saddr ${network} iifname != "lo" goto arrivals-${family}`;
    }),
    "}",
    ...checked.flatMap(({ family, subnet }) => {
      const { field } = ADDRESS[family];
      return [
        `chain arrivals-${family} {`,
        `iifname . ${field} saddr @${interfacesSet(family)} accept`,
        `iifname . ether saddr . ${field} saddr @${linksSet(family)} accept`,
        ...(peers === "" ? [] : [`iifname { ${peers} } ${field} saddr ${subnet} ${refuse("own-source")}`]),
        `${field} saddr ${subnet} accept`,
        refuse("wrong-arrival"),
        "}",
      ];
    }),
  ];
}

function isOfAnyLink({ linkAddress }: Arrival): boolean {
  return linkAddress === null;
}

function arrivalElement({ iface, linkAddress, source }: Arrival): string {
  return [quoted(iface), ...(linkAddress === null ? [] : [linkAddress]), source].join(" . ");
}

/**
 * The kernel lets a device's name have nearly any byte, nft's strings know no escape, end at a quote and take "*"
 * for any ending. A device with such a name matches nothing.
 */
function quoted(iface: string): string {
  return `"${iface.replaceAll(/["\\\n*]/g, "?")}"`;
}
