/**
 * Where packets of peers may come from. A packet is forged when it claims the address of a pod and did not come
 * the way in which that pod's node sends.
 */
import type { DualPrefix, Ip, Prefix } from "../../net/index.ts";

export interface PacketOrigins {
  /** The VXLAN sockets of this node, or null for none. */
  readonly vxlan: VxlanOrigins | null;
  /** How packets for pods arrive that no tunnel of the kernel carried, or null to leave them unchecked. */
  readonly direct: DirectOrigins | null;
}

export interface VxlanOrigins {
  /** UDP ports; every datagram that reaches one of them on this node and fits no sender is refused. */
  readonly ports: readonly number[];
  readonly vnis: readonly number[];
  readonly senders: readonly VxlanSender[];
}

/** A peer's tunnel end, and what the packets inside its datagrams may have for a source. Of one family. */
export interface VxlanSender {
  readonly outer: Ip;
  readonly inner: Prefix;
}

export interface DirectOrigins {
  /** Interfaces on which peers arrive, the tunnels among them: a pod of this node never does. At least one. */
  readonly peerInterfaces: readonly string[];
  /** What packets that arrive there may have for a source, if it is a pod's. */
  readonly sources: readonly Prefix[];
}

export interface PacketFilter extends PacketOrigins {
  /** What becomes of a packet that is refused; it is counted in either case. */
  readonly action: "drop" | "log";
  readonly networks: DualPrefix;
  /** This node's own. */
  readonly subnets: DualPrefix;
}
