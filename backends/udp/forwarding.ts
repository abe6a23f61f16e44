import type { DualIp } from "../../src/net/index.ts";
import { FAMILIES, prefixAddress } from "../../src/net/index.ts";
import type { LocalNode, Sender } from "../backend.ts";
import type { ForwardingView, TunnelPath } from "./forwarding-table.ts";
import { OUTER_BYTES, UDP_DEVICE, type UdpOptions } from "./options.ts";
import { tunnelOf, type UdpTunnel } from "./plan.ts";

/** The desired state of the UDP data plane: its device and sockets, and the paths to peers. Plain data. */
export interface UdpForwarding {
  readonly type: "udp";
  readonly device: string;
  /** Its kernel objects, for a process that starts before the lease store has answered. */
  readonly tunnel: UdpTunnel;
  /** Local addresses of the UDP sockets. */
  readonly localIps: DualIp;
  readonly port: number;
  readonly view: ForwardingView;
}

/**
 * Inner and outer family are the same: IPv4 packets go to the peer's IPv4 address, IPv6 packets to its IPv6 address. A
 * peer's port is taken to be our own, since flannel publishes none.
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
