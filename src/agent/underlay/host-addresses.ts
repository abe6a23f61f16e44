/** Host addresses inside the pods' networks, as in flannel's own example: network 10.0.0.0/8 on a host within it. */
import type { LocalNode, Sender } from "../../../backends/backend.ts";
import type { AddressRange } from "../../kernel/firewall/packet-origins.ts";
import {
  containsIp,
  containsPrefix,
  FAMILIES,
  type Family,
  type Ip,
  ipFromBits,
  type Prefix,
  prefixLength,
  prefixRange,
} from "../../net/index.ts";
import { contains, spanOf } from "../../net/span.ts";

/**
 * This node's addresses, the public addresses of peers, and the prefixes of this node's links without the leased
 * subnets in them, whose routes lead to pods. No two ranges overlap.
 */
export function hostsInside(
  node: LocalNode,
  peers: readonly Pick<Sender, "publicIps" | "subnets">[],
): readonly AddressRange[] {
  return FAMILIES.flatMap((family) => {
    const network = node.networks[family];
    const subnet = node.subnets[family];
    if (network === null || subnet === null) return [];
    const links = onLink(node, network, subnet);
    const ips = new Set<Ip>();
    const span = spanOf(network);
    const add = (ip: Ip | null) => {
      if (ip !== null && contains(span, ip)) ips.add(ip);
    };
    add(node.iface.ips[family]);
    add(node.publicIps[family]);
    for (const { publicIps } of peers) add(publicIps[family]);
    const leased = links.length === 0 ? [] : [subnet, ...peers.flatMap((peer) => peer.subnets[family] ?? [])];
    const ranges = links.flatMap((link) => without(link, leased, family));
    const others = [...ips].filter((ip) => !links.some((link) => containsIp(link, ip)));
    return [...ranges, ...others.map((ip) => ({ first: ip, last: ip }))];
  });
}

/** Widest first, without prefixes inside another. */
function onLink(node: LocalNode, network: Prefix, subnet: Prefix): readonly Prefix[] {
  const prefixes = node.underlay.flatMap(({ dst, via, iface }) => {
    const isInside = via === null && containsPrefix(network, dst) && dst !== network;
    // The pods' bridge has an address, and so a prefix, like any other link.
    const isPods = iface !== node.iface.name && containsPrefix(subnet, dst);
    return isInside && !isPods ? [dst] : [];
  });
  const widestFirst = [...new Set(prefixes)].sort((a, b) => prefixLength(a) - prefixLength(b));
  return widestFirst.filter(
    (prefix, index) => !widestFirst.slice(0, index).some((wider) => containsPrefix(wider, prefix)),
  );
}

/** Leased subnets do not overlap each other. The link's own route wins over a subnet of the same width. */
function without(link: Prefix, leased: readonly Prefix[], family: Family): readonly AddressRange[] {
  const holes = leased
    .filter((subnet) => subnet !== link && containsPrefix(link, subnet))
    .map(prefixRange)
    .sort((a, b) => (a.first < b.first ? -1 : 1));
  const { first, last } = prefixRange(link);
  const ranges: AddressRange[] = [];
  let from = first;
  for (const hole of [...holes, { first: last + 1n, last }]) {
    if (from < hole.first) {
      ranges.push({ first: ipFromBits(family, from), last: ipFromBits(family, hole.first - 1n) });
    }
    from = hole.last + 1n;
  }
  return ranges;
}
