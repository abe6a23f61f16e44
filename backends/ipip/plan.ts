import { EMPTY_STATE, type KernelState, ROUTE_PROTOCOL, type RouteState } from "../../src/kernel/state.ts";
import { prefixAddress } from "../../src/net/index.ts";
import type { BackendPlan, LocalNode, Peer, PlannedPeers } from "../backend.ts";
import { PeerMemory } from "../peer-memory.ts";
import { directDevice, hostLength, looseReversePath } from "../underlay.ts";
import { IPIP_DEVICE, type IpipOptions, ipipMtuBytes } from "./options.ts";

/** A peer's data, parsed. */
export interface IpipData {
  readonly routesDirectly: boolean;
}

/** One device with the network address of the node's subnet on it, and a route by way of each peer's public address. */
export function planIpip(
  node: LocalNode,
  options: IpipOptions,
  { carried, standby, memory = new PeerMemory() }: PlannedPeers<IpipData>,
): BackendPlan<null> {
  const own = ownState(node);
  const find = (peer: Peer<IpipData>) => ({ route: routeTo(peer, node, options) });
  const routesTo = (peers: readonly Peer<IpipData>[]) =>
    peers.map((peer) => memory.recall(peer, find).route).filter((route) => route !== null);
  return {
    state: { ...own, routes: routesTo(carried) },
    standby: { ...EMPTY_STATE, routes: routesTo(standby) },
    origins: { arrivesBare: options.directRouting, tunnels: own.links.map(() => ({ kind: "ipip" })) },
    effect: null,
  };
}

function ownState(node: LocalNode): KernelState {
  const { iface, subnets } = node;
  const local = iface.ips.v4;
  if (local === null || subnets.v4 === null) return EMPTY_STATE;
  const ip = prefixAddress(subnets.v4);
  return {
    ...EMPTY_STATE,
    links: [{ kind: "ipip", name: IPIP_DEVICE, mtuBytes: ipipMtuBytes(node), local }],
    addresses: [{ iface: IPIP_DEVICE, ip, length: hostLength(ip) }],
    sysctls: [looseReversePath(IPIP_DEVICE)],
  };
}

function routeTo(
  { subnets: { v4: dst }, publicIps: { v4: via }, data }: Peer<IpipData>,
  node: LocalNode,
  options: IpipOptions,
): RouteState | null {
  if (node.iface.ips.v4 === null || node.subnets.v4 === null) return null;
  if (dst === null || via === null || data.v4 === null) return null;
  const direct = directDevice(via, node, options, data.v4);
  if (direct === null)
    return { dst, via, iface: IPIP_DEVICE, onlink: true, protocol: ROUTE_PROTOCOL.boot, mtuBytes: null };
  return { dst, via, iface: direct, onlink: false, protocol: ROUTE_PROTOCOL.tweed, mtuBytes: null };
}
