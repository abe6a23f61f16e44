/** Missing parts of the path to a peer, derived only from the kernel, the data plane and the peer's lease. */
import type { Lease } from "../../src/lease/lease.ts";
import { type Ip, type Ipv4Prefix, parseIpv4Prefix, prefixAddress } from "../../src/net/index.ts";
import type { FakeKernel } from "./fake-kernel.ts";
import type { FakeUdpSessions } from "./fake-udp-sessions.ts";

export const NETWORK = parseIpv4Prefix("10.244.0.0/16");
const VXLAN_DEVICE = "flannel.1";
const TUN_DEVICE = "flannel0";
const UNDERLAY = "eth0";
const UDP_PORT = 8285;

/** How a backend reaches peers on the same link. */
export type Carriage = "vxlan" | "bare" | "udp";

export interface NodeParts {
  readonly kernel: FakeKernel;
  readonly sessions: FakeUdpSessions;
}

/** @returns the missing parts; empty when the path is complete */
export function missingOfPath(
  carriage: Carriage,
  { kernel, sessions }: NodeParts,
  of: Lease,
): readonly string[] {
  const dst = of.subnets.v4;
  const remote = of.publicIps.v4;
  if (dst === null || remote === null) return ["its lease"];
  switch (carriage) {
    case "bare":
      return missingRoute(kernel, { dst, iface: UNDERLAY, via: remote });
    case "vxlan": {
      const route = { dst, iface: VXLAN_DEVICE, via: prefixAddress(dst) };
      return [...missingRoute(kernel, route), ...missingInTunnel(kernel, of)];
    }
    case "udp":
      return [
        ...missingRoute(kernel, { dst: NETWORK, iface: TUN_DEVICE, via: null }),
        ...missingInTable(sessions, dst, remote),
      ];
  }
}

/** The prefix that routes packets to a peer: for a tunnel in userspace one route for all. */
export function routedPrefix(carriage: Carriage, subnet: Ipv4Prefix): Ipv4Prefix {
  return carriage === "udp" ? NETWORK : subnet;
}

export function tunnelDevice(carriage: Carriage): string {
  return carriage === "udp" ? TUN_DEVICE : VXLAN_DEVICE;
}

function missingRoute(
  kernel: FakeKernel,
  want: { readonly dst: Ipv4Prefix; readonly iface: string; readonly via: Ip | null },
): readonly string[] {
  const route = kernel.routes.find(({ dst }) => dst === want.dst);
  const isRight = route?.iface === want.iface && route.via === want.via;
  return isRight && kernel.links.get(want.iface)?.isUp === true ? [] : [`route ${want.dst}`];
}

function missingInTunnel(kernel: FakeKernel, { subnets, publicIps, offers }: Lease): readonly string[] {
  const mac = (offers[0].data.v4 as { readonly VtepMAC?: string } | null)?.VtepMAC;
  const ip = subnets.v4 === null ? null : prefixAddress(subnets.v4);
  const neighbour = kernel.neighbours.find((each) => each.iface === VXLAN_DEVICE && each.ip === ip);
  const fdb = kernel.fdb.find((each) => each.iface === VXLAN_DEVICE && each.mac === mac);
  return [
    ...(neighbour?.mac === mac && neighbour?.isPermanent === true ? [] : [`neighbour ${ip}`]),
    ...(fdb?.remote === publicIps.v4 && fdb?.isPermanent === true ? [] : [`fdb ${mac}`]),
  ];
}

function missingInTable(sessions: FakeUdpSessions, dst: Ipv4Prefix, remote: Ip): readonly string[] {
  const table = sessions.carried();
  if (typeof table === "string") return [table];
  const paths = table.peers.flatMap((peer) => peer.paths).filter(({ subnet }) => subnet === dst);
  const isKnown = paths.length === 1 && paths[0]?.remote.ip === remote && paths[0].remote.port === UDP_PORT;
  return isKnown ? [] : [`${dst} in the forwarding table`];
}
