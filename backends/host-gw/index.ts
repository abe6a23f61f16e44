import { EMPTY_STATE, type KernelState, ROUTE_PROTOCOL, type RouteState } from "../../src/kernel/state.ts";
import { FAMILIES } from "../../src/net/index.ts";
import { TweedError } from "../../src/runtime/error.ts";
import type { Backend, LocalHost, LocalNode, Peer } from "../backend.ts";
import { deviceOnLink } from "../underlay.ts";

/** Direct routes: each peer's subnet through the peer's own address on a link that both share. */
export const hostGw: Backend<null> = {
  type: "host-gw",
  optionKeys: [],
  parse: () => null,
  channel: () => "host-gw",
  isOnChannel: () => true,
  publishedChannel: () => "host-gw",
  arrivesBare: () => true,
  devices: () => ({ v4: null, v6: null }),
  publishedMacs: () => ({ v4: null, v6: null }),
  endpoint(host) {
    refuseNat(host);
    refuseLayer3(host);
    return { data: { v4: null, v6: null }, mtuBytes: host.iface.mtuBytes };
  },
  carrierMtuBytes: (host) => host.iface.mtuBytes,
  conflictKeys: () => [],
  refuse: refuseOffLink,
  plan: (node, _options, peers) => planHostGw(node, peers),
};

/** Peers use the published address as a gateway, so it has to be an address of this host's link. */
function refuseNat(host: LocalHost): void {
  for (const family of FAMILIES) {
    const published = host.publicIps[family];
    const own = host.iface.ips[family];
    if (published === own) continue;
    throw new TweedError({
      code: "unsuitable-host",
      operation: "set up backend host-gw",
      reason: `the published address ${published} is not ${host.iface.name}'s own ${own}; host-gw cannot cross NAT, use vxlan or drop --public-ip`,
    });
  }
}

/** The kernel takes no gateway that is not a neighbour on the route's device (fib_check_nh in net/ipv4/fib_semantics.c). */
function refuseOffLink(node: LocalNode, peer: Peer): string | null {
  const { name } = node.iface;
  const off = [peer.publicIps.v4, peer.publicIps.v6].find(
    (ip) => ip !== null && deviceOnLink(ip, node.underlay) !== name,
  );
  return off == null ? null : `${off} is not on the link of ${name}; use vxlan for nodes behind a router`;
}

/** Such a device sends a packet where its own table of pods' addresses says, if it says anything. */
function refuseLayer3({ iface, underlay }: LocalHost): void {
  if (!underlay.some((route) => route.iface === iface.name && route.isLayer3)) return;
  throw new TweedError({
    code: "unsuitable-host",
    operation: "set up backend host-gw",
    reason: `${iface.name} is no link with Ethernet addresses, so no peer on it can be a gateway; use vxlan, or --iface with another`,
  });
}

function planHostGw(node: LocalNode, peers: readonly Peer[]): KernelState {
  const routes: RouteState[] = [];
  for (const family of FAMILIES) {
    if (node.subnets[family] === null) continue;
    for (const peer of peers) {
      const dst = peer.subnets[family];
      const via = peer.publicIps[family];
      if (dst === null || via === null) continue;
      const protocol = ROUTE_PROTOCOL.tweed;
      routes.push({ dst, via, iface: node.iface.name, onlink: false, protocol, mtuBytes: null });
    }
  }
  return { ...EMPTY_STATE, routes };
}
