/**
 * The permitted sources of packets of peers. Every peer is accepted on every channel on which this node receives, not
 * only on its chosen one: while a cluster changes its backend the two ends switch at slightly different times, and the
 * binding of addresses to subnets is the same on all channels.
 */
import type {
  AddressRange,
  Arrivals,
  IpipOrigins,
  PacketOrigins,
  TunnelOrigin,
  TunnelSender,
  VxlanOrigins,
} from "../../kernel/firewall/packet-origins.ts";
import type { LinkState } from "../../kernel/state.ts";
import { type DualIp, type DualPrefix, FAMILIES, familyOf, type Prefix } from "../../net/index.ts";

/** The kernel's default, for a device that was made without a port. */
const KERNEL_VXLAN_PORT = 8472;

export interface KnownPeer {
  readonly subnets: DualPrefix;
  readonly publicIps: DualIp;
  /** Further source addresses of its packets. */
  readonly sourceIps?: DualIp;
}

/** How peers use the underlay. */
export interface UnderlayUse {
  /** Interfaces that lead to peers. */
  readonly ifaces: readonly string[];
  /** Interfaces on which packets may arrive without a tunnel; `barePeers` says of which peers, by their subnets. */
  readonly bare: readonly string[];
  readonly barePeers: "all" | ReadonlySet<Prefix>;
  /** Addresses of hosts inside our networks. */
  readonly hosts: readonly AddressRange[];
}

/**
 * @param links the devices of the overlay
 * @param known returns the {@link tunnelSendersOf} the peers
 */
export function originsOfPeers(
  links: readonly LinkState[],
  tunnels: readonly TunnelOrigin[],
  peers: readonly KnownPeer[],
  underlay: UnderlayUse,
  known: () => readonly TunnelSender[] = () => peers.flatMap(tunnelSendersOf),
): PacketOrigins {
  const senders = tunnels.length === 0 ? [] : known();
  return {
    vxlan: vxlanOrigins(tunnels, senders),
    ipip: ipipOrigins(tunnels, senders),
    arrivals: arrivalsOf(links, peers, underlay),
  };
}

/** The ends of tunnels from which packets of this peer come. */
export function tunnelSendersOf({ subnets, publicIps, sourceIps }: KnownPeer): readonly TunnelSender[] {
  const senders: TunnelSender[] = [];
  for (const family of FAMILIES) {
    const inner = subnets[family];
    const outer = publicIps[family];
    if (inner === null || outer === null) continue;
    senders.push({ outer, inner });
    const source = sourceIps?.[family] ?? outer;
    if (source !== outer) senders.push({ outer: source, inner });
  }
  return senders;
}

function vxlanOrigins(all: readonly TunnelOrigin[], senders: readonly TunnelSender[]): VxlanOrigins | null {
  const tunnels = all.filter((tunnel) => tunnel.kind === "vxlan");
  if (tunnels.length === 0) return null;
  return {
    ports: [...new Set(tunnels.map(({ port }) => port ?? KERNEL_VXLAN_PORT))],
    vnis: [...new Set(tunnels.map(({ vni }) => vni))],
    senders,
  };
}

function ipipOrigins(tunnels: readonly TunnelOrigin[], senders: readonly TunnelSender[]): IpipOrigins | null {
  if (!tunnels.some(({ kind }) => kind === "ipip")) return null;
  return { senders: senders.filter(({ outer }) => familyOf(outer) === "v4") };
}

function arrivalsOf(
  links: readonly LinkState[],
  peers: readonly KnownPeer[],
  { ifaces, bare, barePeers, hosts }: UnderlayUse,
): Arrivals {
  const barePrefixes: Prefix[] = [];
  const others: Prefix[] = [];
  for (const { subnets } of peers) {
    for (const family of FAMILIES) {
      const subnet = subnets[family];
      if (subnet === null) continue;
      const isBare = barePeers === "all" || barePeers.has(subnet);
      (isBare ? barePrefixes : others).push(subnet);
    }
  }
  return {
    tunnels: links.map(({ name }) => name),
    underlay: [...new Set([...ifaces, ...bare])],
    bare,
    barePeers: barePrefixes,
    peers: others,
    hosts,
  };
}
