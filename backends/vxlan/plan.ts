import type {
  AddressState,
  FdbState,
  KernelState,
  NeighbourState,
  RouteState,
  SysctlState,
  VxlanLink,
} from "../../src/kernel/state.ts";
import { EMPTY_STATE, ROUTE_PROTOCOL } from "../../src/kernel/state.ts";
import { FAMILIES, type Family, prefixAddress } from "../../src/net/index.ts";
import type { BackendPlan, LocalNode, Peer, PlannedPeers } from "../backend.ts";
import { macsOf } from "../identity.ts";
import { PeerMemory } from "../peer-memory.ts";
import { directDevice, hostLength, looseReversePath } from "../underlay.ts";
import { VTEP_MAC } from "./identity.ts";
import { deviceMtuBytes } from "./mtu.ts";
import { type VxlanOptions, vxlanDevices } from "./options.ts";
import type { VtepData } from "./published.ts";

/**
 * One device for each family, with the network address of the node's subnet on it. A peer is a permanent neighbour at
 * the network address of its own subnet, an FDB entry from its MAC to its public address, and a route via that
 * neighbour: the kernel never has to resolve an address.
 */
export function planVxlan(
  node: LocalNode,
  options: VxlanOptions,
  { carried, standby, memory = new PeerMemory() }: PlannedPeers<VtepData>,
): BackendPlan<null> {
  const links: VxlanLink[] = [];
  const addresses: AddressState[] = [];
  const sysctls: SysctlState[] = [];
  const { vni, port, learning, gbp } = options;

  for (const family of FAMILIES) {
    const local = node.iface.ips[family];
    const subnet = node.subnets[family];
    if (local === null || subnet === null) continue;
    const name = vxlanDevices(options)[family];
    const mac = macsOf(node.identities, VTEP_MAC)[family];
    const mtuBytes = deviceMtuBytes(options, node.iface.mtuBytes, family);
    const parent = node.iface.name;
    links.push({ kind: "vxlan", name, mac, mtuBytes, vni, parent, local, port, learning, gbp });
    // A peer must not be able to advertise default routes through the tunnel.
    sysctls.push({ path: `net/ipv6/conf/${name}/accept_ra`, value: "0" });
    if (family === "v4") sysctls.push(looseReversePath(name));
    const address = prefixAddress(subnet);
    addresses.push({ iface: name, ip: address, length: hostLength(address) });
  }
  const pathsTo = (peers: readonly Peer<VtepData>[]) => statesOf(peers, options, node, memory);
  return {
    state: { ...pathsTo(carried), links, addresses, sysctls },
    standby: standby.length === 0 ? EMPTY_STATE : pathsTo(standby),
    origins: {
      arrivesBare: options.directRouting,
      tunnels: links.length === 0 ? [] : [{ kind: "vxlan", port, vni }],
    },
    effect: null,
  };
}

function statesOf(
  peers: readonly Peer<VtepData>[],
  options: VxlanOptions,
  node: LocalNode,
  memory: PeerMemory,
): KernelState {
  const fdb: FdbState[] = [];
  const neighbours: NeighbourState[] = [];
  const routes: RouteState[] = [];
  const devices = vxlanDevices(options);
  const pathsOf = (peer: Peer<VtepData>): PeerPaths => ({
    v4: pathTo(peer, "v4", devices.v4, options, node),
    v6: pathTo(peer, "v6", devices.v6, options, node),
  });
  for (const family of FAMILIES) {
    if (node.iface.ips[family] === null || node.subnets[family] === null) continue;
    for (const peer of peers) {
      const path = memory.recall(peer, pathsOf)[family];
      if (path === null) continue;
      routes.push(path.route);
      if (path.fdb !== null) fdb.push(path.fdb);
      if (path.neighbour !== null) neighbours.push(path.neighbour);
    }
  }
  return { ...EMPTY_STATE, fdb, neighbours, routes };
}

type PeerPaths = Readonly<Record<Family, PeerPath | null>>;

interface PeerPath {
  readonly route: RouteState;
  readonly fdb: FdbState | null;
  readonly neighbour: NeighbourState | null;
}

function pathTo(
  peer: Peer<VtepData>,
  family: Family,
  iface: string,
  options: VxlanOptions,
  node: LocalNode,
): PeerPath | null {
  const dst = peer.subnets[family];
  const remote = peer.publicIps[family];
  const data = peer.data[family];
  if (dst === null || remote === null || data === null) return null;
  const { mac } = data;
  const direct = directDevice(remote, node, options, data);
  const via = prefixAddress(dst);
  const tunnel = { fdb: { iface, mac, remote }, neighbour: { iface, ip: via, mac } };
  if (direct === null) {
    return {
      route: { dst, via, iface, onlink: true, protocol: ROUTE_PROTOCOL.boot, mtuBytes: null },
      ...tunnel,
    };
  }
  const protocol = ROUTE_PROTOCOL.tweed;
  const route = { dst, via: remote, iface: direct, onlink: false, protocol, mtuBytes: null };
  // A node with direct routing off tunnels again as soon as its peer does, so its tunnel entries stay programmed.
  return { route, ...(options.directRouting ? { fdb: null, neighbour: null } : tunnel) };
}
