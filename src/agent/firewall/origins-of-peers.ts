/**
 * Where packets of peers may come from. Every peer is accepted on every channel that this node receives on, whichever it
 * is expected to use: while a cluster changes its backend the two ends turn at slightly different times, and what
 * binds an address to a subnet is the same throughout.
 */
import type {
  AddressRange,
  Arrivals,
  PacketOrigins,
  TunnelOrigin,
  VxlanOrigins,
  VxlanSender,
} from "../../kernel/firewall/packet-origins.ts";
import type { LinkState } from "../../kernel/state.ts";
import { type DualIp, type DualPrefix, FAMILIES, type Prefix } from "../../net/index.ts";

/** Port of a device that was made without one. */
const KERNEL_VXLAN_PORT = 8472;

export interface KnownPeer {
  readonly subnets: DualPrefix;
  readonly publicIps: DualIp;
  /** Further addresses that its packets come from. */
  readonly sourceIps?: DualIp;
}

/** The underlay as far as peers use it. */
export interface UnderlayUse {
  /** Interfaces that lead to peers. */
  readonly ifaces: readonly string[];
  /** Those on which peers' packets may arrive without a tunnel, and of which peers: `all`, or those with these subnets. */
  readonly bare: readonly string[];
  readonly barePeers: "all" | ReadonlySet<Prefix>;
  /** Addresses of hosts inside our networks. */
  readonly hosts: readonly AddressRange[];
}

/** @param links the devices of the overlay */
export function originsOfPeers(
  links: readonly LinkState[],
  tunnels: readonly TunnelOrigin[],
  peers: readonly KnownPeer[],
  underlay: UnderlayUse,
): PacketOrigins {
  return { vxlan: vxlanOrigins(tunnels, peers), arrivals: arrivalsOf(links, peers, underlay) };
}

function vxlanOrigins(tunnels: readonly TunnelOrigin[], peers: readonly KnownPeer[]): VxlanOrigins | null {
  if (tunnels.length === 0) return null;
  const senders = peers.flatMap(({ subnets, publicIps, sourceIps }) =>
    FAMILIES.flatMap((family): VxlanSender[] => {
      const inner = subnets[family];
      const outer = publicIps[family];
      if (inner === null || outer === null) return [];
      const source = sourceIps?.[family] ?? outer;
      return source === outer ? [{ outer, inner }] : [outer, source].map((each) => ({ outer: each, inner }));
    }),
  );
  return {
    ports: [...new Set(tunnels.map(({ port }) => port ?? KERNEL_VXLAN_PORT))],
    vnis: [...new Set(tunnels.map(({ vni }) => vni))],
    senders,
  };
}

function arrivalsOf(
  links: readonly LinkState[],
  peers: readonly KnownPeer[],
  { ifaces, bare, barePeers, hosts }: UnderlayUse,
): Arrivals {
  const subnets = peers.flatMap((peer) => FAMILIES.flatMap((family) => peer.subnets[family] ?? []));
  const isBare = (subnet: Prefix) => barePeers === "all" || barePeers.has(subnet);
  return {
    tunnels: links.map(({ name }) => name),
    underlay: [...new Set([...ifaces, ...bare])],
    bare,
    barePeers: subnets.filter(isBare),
    peers: subnets.filter((subnet) => !isBare(subnet)),
    hosts,
  };
}
