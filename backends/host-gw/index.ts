import { EMPTY_STATE, ROUTE_PROTOCOL, type RouteState } from "../../src/kernel/state.ts";
import { FAMILIES, type Family } from "../../src/net/index.ts";
import {
  type Backend,
  type BackendPlan,
  type LocalHost,
  type LocalNode,
  NO_DATA,
  type NoData,
  type Peer,
  type PlannedPeers,
  type Sender,
} from "../backend.ts";
import { PeerMemory } from "../peer-memory.ts";
import { deviceOnLink } from "../underlay.ts";

/** Direct routes: each peer's subnet by way of the peer's address on a shared link. */
export const hostGw: Backend<null, NoData, null> = {
  type: "host-gw",
  optionKeys: [],
  identities: [],
  parseOptions: () => null,
  channel: () => "host-gw",
  refuseHost: (host) => refuseNat(host) ?? refuseLayer3(host),
  publish: ({ iface: { mtuBytes } }) => ({
    data: { v4: null, v6: null },
    podMtuBytes: mtuBytes,
    carrierMtuBytes: { v4: mtuBytes, v6: mtuBytes },
  }),
  parseData: () => NO_DATA,
  isOnChannel: () => true,
  channelOf: () => "host-gw",
  refuse: refuseOffLink,
  conflictKeys: () => [],
  plan: (node, _options, peers) => planHostGw(node, peers),
};

/** Peers use the published address as a gateway, so it must be this host's own on the link. */
function refuseNat({ iface, publicIps }: LocalHost): string | null {
  for (const family of FAMILIES) {
    const published = publicIps[family];
    const own = iface.ips[family];
    if (published === own) continue;
    return `the published address ${published} is not ${iface.name}'s own ${own}; host-gw cannot cross NAT, use vxlan or drop --public-ip`;
  }
  return null;
}

/**
 * The kernel refuses a gateway that is not on the link of the route's device (fib_check_nh in
 * net/ipv4/fib_semantics.c).
 */
function refuseOffLink(node: LocalNode, peer: Sender): string | null {
  const { name } = node.iface;
  const off = [peer.publicIps.v4, peer.publicIps.v6].find(
    (ip) => ip !== null && deviceOnLink(ip, node.underlay) !== name,
  );
  return off == null ? null : `${off} is not on the link of ${name}; use vxlan for nodes behind a router`;
}

/**
 * Such a device chooses the destination by its own table of inner addresses, if that has an entry, and ignores the
 * gateway.
 */
function refuseLayer3({ iface, underlay }: LocalHost): string | null {
  if (!underlay.some((route) => route.iface === iface.name && route.isLayer3)) return null;
  return `${iface.name} has no Ethernet addresses, so no peer on it can be a gateway; use vxlan, or another interface with --iface`;
}

function planHostGw(
  node: LocalNode,
  { carried, standby, memory = new PeerMemory() }: PlannedPeers<NoData>,
): BackendPlan<null> {
  const routesTo = (peers: readonly Peer<NoData>[]) => allRoutes(peers, node, memory);
  return {
    state: { ...EMPTY_STATE, routes: routesTo(carried) },
    standby: standby.length === 0 ? EMPTY_STATE : { ...EMPTY_STATE, routes: routesTo(standby) },
    origins: { arrivesBare: true, tunnels: [] },
    effect: null,
  };
}

function allRoutes(
  peers: readonly Peer<NoData>[],
  node: LocalNode,
  memory: PeerMemory,
): readonly RouteState[] {
  const routes: RouteState[] = [];
  const routesTo = (peer: Peer<NoData>) => ({ v4: routeTo(peer, "v4", node), v6: routeTo(peer, "v6", node) });
  for (const family of FAMILIES) {
    if (node.subnets[family] === null) continue;
    for (const peer of peers) {
      const route = memory.recall(peer, routesTo)[family];
      if (route !== null) routes.push(route);
    }
  }
  return routes;
}

function routeTo({ subnets, publicIps }: Sender, family: Family, { iface }: LocalNode): RouteState | null {
  const dst = subnets[family];
  const via = publicIps[family];
  if (dst === null || via === null) return null;
  return { dst, via, iface: iface.name, onlink: false, protocol: ROUTE_PROTOCOL.tweed, mtuBytes: null };
}
