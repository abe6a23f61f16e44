/**
 * Where packets of peers may come from. A packet is forged when its source is a pod's address and it did not arrive by
 * the path that the pod's node uses.
 */
import type { DualPrefix, DualStack, Ip, Prefix } from "../../net/index.ts";

export interface PacketOrigins {
  /** The VXLAN sockets of this node, or null for none. */
  readonly vxlan: VxlanOrigins | null;
  /** null where this node has no ipip device. */
  readonly ipip: IpipOrigins | null;
  /** How packets that claim a pod's address may arrive, or null to leave them unchecked. */
  readonly arrivals: Arrivals | null;
}

export interface VxlanOrigins {
  /** UDP ports. A datagram to one of them on this node, with one of `vnis`, that matches no sender is refused. */
  readonly ports: readonly number[];
  readonly vnis: readonly number[];
  readonly senders: readonly TunnelSender[];
}

/** Senders of IPv4 in IPv4. A packet that claims an address which can be leased and fits none of them is refused. */
export interface IpipOrigins {
  readonly senders: readonly TunnelSender[];
}

/** A tunnel by which packets of peers come out of datagrams: who sends them is checked. */
export type TunnelOrigin = VxlanTunnel | IpipTunnel;

export interface VxlanTunnel {
  readonly kind: "vxlan";
  /** null for the kernel's default, 8472. */
  readonly port: number | null;
  readonly vni: number;
}

/** All ipip devices of a node take packets from anywhere. */
export interface IpipTunnel {
  readonly kind: "ipip";
}

/** A peer's tunnel end, and what the packets inside its datagrams may have for a source. Of one family. */
export interface TunnelSender {
  readonly outer: Ip;
  readonly inner: Prefix;
}

export interface Arrivals {
  /** Tunnel devices. Packets from them have passed the check of their tunnel. */
  readonly tunnels: readonly string[];
  /** Interfaces of the underlay, at least one. Packets of this node's pods never arrive there. */
  readonly underlay: readonly string[];
  /** Those of `underlay` on which packets of some peers may arrive without a tunnel. */
  readonly bare: readonly string[];
  /** Subnets of those peers. */
  readonly barePeers: readonly Prefix[];
  /** Subnets of all others. */
  readonly peers: readonly Prefix[];
  /** Addresses of hosts within the leasable range: their packets are never refused. */
  readonly hosts: readonly AddressRange[];
}

/** An inclusive range. */
export interface AddressRange {
  readonly first: Ip;
  readonly last: Ip;
}

export interface PacketFilter extends PacketOrigins {
  /** What happens to a refused packet; it is counted in either case. */
  readonly action: "drop" | "log";
  /** The leasable addresses, which pods may have. */
  readonly leasable: DualStack<AddressRange>;
  /** This node's subnets. */
  readonly subnets: DualPrefix;
}
