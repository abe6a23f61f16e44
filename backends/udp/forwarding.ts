import type { DualIp } from "../../src/net/index.ts";
import { FAMILIES, prefixAddress } from "../../src/net/index.ts";
import type { LocalNode, Sender } from "../backend.ts";
import type { ForwardingView, TunnelPath } from "./forwarding-table.ts";
import { OUTER_BYTES, UDP_DEVICE, type UdpOptions } from "./options.ts";
import { tunnelOf, type UdpTunnel } from "./plan.ts";

/** What the UDP data plane needs to know: where it is attached, and who is where. Plain data. */
export interface UdpForwarding {
  readonly type: "udp";
  readonly device: string;
  /** What the kernel has of it, for a process that comes before the store has answered. */
  readonly tunnel: UdpTunnel;
  /** Addresses that datagrams leave from and arrive at. */
  readonly localIps: DualIp;
  readonly port: number;
  readonly view: ForwardingView;
}

/**
 * Each family travels in its own: IPv4 packets to the peer's IPv4 address, IPv6 packets to its IPv6 address. A
 * peer's port is our own, since what flannel publishes has none.
 */
export function forwardingOf(node: LocalNode, options: UdpOptions, peers: readonly Sender[]): UdpForwarding {
  const { subnets, iface } = node;
  const pathsOf = (peer: Sender): TunnelPath[] =>
    FAMILIES.flatMap((family) => {
      const subnet = peer.subnets[family];
      const ip = peer.publicIps[family];
      if (subnet === null || ip === null || iface.ips[family] === null) return [];
      const mtuBytes = iface.mtuBytes - OUTER_BYTES[family];
      const source = peer.sourceIps?.[family] ?? ip;
      const remote = { ip, port: options.port, mtuBytes, ...(source === ip ? {} : { source }) };
      return [{ subnet, remote }];
    });
  return {
    type: "udp",
    device: UDP_DEVICE,
    tunnel: tunnelOf(node),
    localIps: iface.ips,
    port: options.port,
    view: {
      subnets,
      tun: {
        v4: subnets.v4 === null ? null : prefixAddress(subnets.v4),
        v6: subnets.v6 === null ? null : prefixAddress(subnets.v6),
      },
      hosts: [iface.ips.v4, iface.ips.v6].filter((ip) => ip !== null),
      peers: peers.map((peer) => ({ paths: pathsOf(peer) })).filter((peer) => peer.paths.length > 0),
    },
  };
}
