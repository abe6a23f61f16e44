import type { AddressState, KernelState, RouteState } from "../../src/kernel/state.ts";
import { EMPTY_STATE, ROUTE_PROTOCOL } from "../../src/kernel/state.ts";
import { containsIp, type DualPrefix, FAMILIES, type Family, prefixAddress } from "../../src/net/index.ts";
import type { BackendPlan, LocalHost, LocalNode, Sender } from "../backend.ts";
import { deviceOnLink, hostLength, looseReversePath, refuseMtu } from "../underlay.ts";
import type { UdpForwarding } from "./forwarding.ts";
import { OUTER_BYTES, UDP_DEVICE } from "./options.ts";

export interface UdpTunnel {
  readonly mtuBytes: number;
  readonly networks: DualPrefix;
  /** This node's subnets; null for a family that the device does not carry. */
  readonly subnets: DualPrefix;
}

/** One TUN device for both families, with a route for the whole network. */
export function planUdp(node: LocalNode, effect: UdpForwarding): BackendPlan<UdpForwarding> {
  return {
    state: tunnelState(tunnelOf(node)),
    standby: EMPTY_STATE,
    origins: { arrivesBare: false, tunnels: [] },
    effect,
  };
}

export function tunnelOf(node: LocalNode): UdpTunnel {
  const { networks, iface } = node;
  const carried = <P>(family: Family, subnet: P | null) => (iface.ips[family] === null ? null : subnet);
  const subnets = { v4: carried("v4", node.subnets.v4), v6: carried("v6", node.subnets.v6) };
  return { mtuBytes: tunMtuBytes(node), networks, subnets };
}

/** Also used to restore the last process's device before the lease store has answered. */
export function tunnelState({ mtuBytes, networks, subnets }: UdpTunnel): KernelState {
  const addresses: AddressState[] = [];
  const routes: RouteState[] = [];
  for (const family of FAMILIES) {
    const subnet = subnets[family];
    const network = networks[family];
    if (subnet === null || network === null) continue;
    const ip = prefixAddress(subnet);
    addresses.push({ iface: UDP_DEVICE, ip, length: hostLength(ip) });
    const protocol = ROUTE_PROTOCOL.boot;
    routes.push({ dst: network, via: null, iface: UDP_DEVICE, onlink: false, protocol, mtuBytes: null });
  }
  return {
    ...EMPTY_STATE,
    links: [{ kind: "tun", name: UDP_DEVICE, mtuBytes }],
    addresses,
    routes,
    sysctls: [
      { path: `net/ipv6/conf/${UDP_DEVICE}/accept_ra`, value: "0" },
      // Our ICMP errors arrive from the device with its own address as source, which IPv4 would drop as forged. The
      // fast path refuses packets of peers with that source.
      { path: `net/ipv4/conf/${UDP_DEVICE}/accept_local`, value: "1" },
      looseReversePath(UDP_DEVICE),
    ],
  };
}

/**
 * The whole network is routed into the TUN, so a datagram to an address in it would be encapsulated again, in a loop.
 * Where hosts have addresses in the network, a more specific route of the underlay prevents this.
 */
export function refuseLoop(node: LocalNode, { publicIps }: Sender): string | null {
  for (const family of FAMILIES) {
    const network = node.networks[family];
    const ip = publicIps[family];
    if (network === null || ip === null || !containsIp(network, ip)) continue;
    if (deviceOnLink(ip, node.underlay) === node.iface.name) continue;
    return `${ip} lies in the network ${network} and on no link of this host: datagrams to it would loop into the tunnel`;
  }
  return null;
}

/** Both families share the device, so the larger outer header determines its MTU. */
export function tunMtuBytes(host: LocalHost): number {
  return host.iface.mtuBytes - OUTER_BYTES[widerFamily(host)];
}

export function refuseTunMtu(host: LocalHost): string | null {
  const family = widerFamily(host);
  return refuseMtu(host, OUTER_BYTES[family], family);
}

function widerFamily({ networks, iface }: LocalHost): Family {
  return networks.v6 !== null && iface.ips.v6 !== null ? "v6" : "v4";
}
