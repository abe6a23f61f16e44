/**
 * The way of a packet from a pod of one host to a pod of another through the simulated kernels: route, device, entries of
 * the tunnel, underlay, the receiving device, the reverse path and the packet filter, delivery to the pod.
 */
import type { PacketFilter } from "../../src/kernel/firewall/packet-origins.ts";
import type { ObservedRoute } from "../../src/kernel/observed.ts";
import { ROUTE_PROTOCOL } from "../../src/kernel/state.ts";
import { type Family, familyOf, type Ip, nthAddress, type Prefix } from "../../src/net/index.ts";
import type { FakeKernel } from "../support/fake-kernel.ts";
import { ruleFor } from "./diversions.ts";
import { type SimulatedHost, UNDERLAY } from "./host.ts";
import { contains, isBetween, isInside, lengthOf, memberOf } from "./ip-ranges.ts";

/** How the packet crosses the underlay. */
export type Carriage = "bare" | "ipip" | "udp" | `vxlan ${number}`;

export type Walk =
  | { readonly arrives: true; readonly carriage: Carriage }
  | { readonly arrives: false; readonly reason: string; readonly carriage: Carriage | null };

const KERNEL_VXLAN_PORT = 8472;
/** Number of the pod's address in its subnet. */
const POD = 7;

export function walk(
  from: SimulatedHost,
  to: SimulatedHost,
  hosts: readonly SimulatedHost[],
  family: Family = "v4",
): Walk {
  const [source, destination] = [podOf(from, family), podOf(to, family)];
  if (source === null || destination === null) return lost("there are no pods");
  const rule = ruleFor(from.kernel, source, destination);
  if (rule !== null) return lost(`${from.name}: a rule of priority ${rule.priority} diverts ${destination}`);
  const route = bestRoute(from.kernel, destination);
  if (route === null) return lost(`${from.name} has no route to ${destination}`);
  if (route.iface === null) return lost(`${from.name} drops packets to ${route.dst}`);
  const sent = send(from, route, source, destination);
  if ("reason" in sent) return { ...lost(`${from.name}: ${sent.reason}`), carriage: sent.carriage };
  const { carriage, outer } = sent;
  const fail = (reason: string): Walk => ({ arrives: false, reason, carriage });
  const blocked = crossing(from, outer);
  if (blocked !== null) return fail(`${from.name}: ${blocked}`);
  const receiver = hosts.find((host) => host.isPoweredOn && isAt(host, outer));
  if (receiver === undefined) return fail(`no host has the address ${outer}`);
  if (!receiver.isConnected) return fail(`the cable of ${receiver.name} is cut`);
  if (receiver !== to) return fail(`${receiver.name} receives packets for ${destination}`);
  const refused = receive({ ...sent, from, source, destination }, to);
  return refused === null ? { arrives: true, carriage } : fail(`${to.name}: ${refused}`);
}

function podOf(host: SimulatedHost, family: Family): Ip | null {
  const subnet = host.podSubnetOf(family);
  return subnet === null ? null : nthAddress(subnet, POD);
}

/** Longest prefix, then lowest metric. */
function bestRoute({ routes }: FakeKernel, ip: Ip): ObservedRoute | null {
  let best: ObservedRoute | null = null;
  const isIn = memberOf(ip);
  for (const route of routes) {
    if (!isIn(route.dst)) continue;
    const longer = best === null ? 1 : lengthOf(route.dst) - lengthOf(best.dst);
    if (best === null || longer > 0 || (longer === 0 && route.metric < best.metric)) best = route;
  }
  return best;
}

function lost(reason: string): Walk & { arrives: false } {
  return { arrives: false, reason, carriage: null };
}

/** A packet on the underlay. */
interface Sent {
  readonly carriage: Carriage;
  /** The host that it goes to. */
  readonly outer: Ip;
  /** Of a vxlan frame. */
  readonly mac: string | null;
  readonly port: number | null;
}

type Failed = { readonly reason: string; readonly carriage: Carriage | null };

function send(host: SimulatedHost, route: ObservedRoute, source: Ip, destination: Ip): Sent | Failed {
  const { kernel } = host;
  const iface = route.iface ?? "";
  const link = kernel.links.get(iface);
  const next = route.via ?? destination;
  if (link?.isUp !== true) return { reason: `${iface} is down`, carriage: null };
  if (iface === UNDERLAY) return { carriage: "bare", outer: next, mac: null, port: null };
  const { settings } = link;
  if (settings?.kind === "vxlan") {
    const carriage = `vxlan ${settings.vni}` as const;
    const mac = kernel.neighbours.find((each) => each.iface === iface && each.ip === next)?.mac;
    if (mac == null) return { reason: `no neighbour ${next} on ${iface}`, carriage };
    const outer = kernel.fdb.find((each) => each.iface === iface && each.mac === mac)?.remote;
    if (outer == null) return { reason: `no FDB entry for ${mac} on ${iface}`, carriage };
    return { carriage, outer, mac, port: settings.port ?? KERNEL_VXLAN_PORT };
  }
  if (settings?.kind === "ipip") return { carriage: "ipip", outer: next, mac: null, port: null };
  if (settings?.kind === "tun") {
    const view = host.sessions.carried();
    if (typeof view === "string") return { reason: `udp lacks ${view}`, carriage: "udp" };
    const own = view.subnets[familyOf(source)];
    if (own === null || !contains(own, source))
      return { reason: `udp takes ${source} for forged`, carriage: "udp" };
    const path = view.peers.flatMap((peer) => peer.paths).find(({ subnet }) => contains(subnet, destination));
    if (path === undefined) return { reason: `udp knows no way to ${destination}`, carriage: "udp" };
    return { carriage: "udp", outer: path.remote.ip, mac: null, port: path.remote.port };
  }
  return { reason: `the route to ${route.dst} leads by ${iface}`, carriage: null };
}

/** The outer packet needs a route of its own, outside of the tunnels. */
function crossing({ kernel, isConnected }: SimulatedHost, outer: Ip): string | null {
  const route = bestRoute(kernel, outer);
  if (route?.iface !== UNDERLAY) return `${outer} is routed to ${route?.iface ?? "nowhere"}`;
  if (kernel.links.get(UNDERLAY)?.isUp !== true) return `${UNDERLAY} is down`;
  return isConnected ? null : "the cable is cut";
}

function isAt(host: SimulatedHost, ip: Ip): boolean {
  const isUp = host.kernel.links.get(UNDERLAY)?.isUp === true;
  // It answers for the addresses of lo as well.
  const isHere = (iface: string) => iface === UNDERLAY || iface === "lo";
  return isUp && host.kernel.addresses.some((each) => isHere(each.iface) && each.ip === ip);
}

interface Received extends Sent {
  readonly from: SimulatedHost;
  readonly source: Ip;
  readonly destination: Ip;
}

/** @returns why the host drops it; null when the pod gets it */
function receive(packet: Received, to: SimulatedHost): string | null {
  const arrival = arrivalOf(packet, to);
  if ("reason" in arrival) return arrival.reason;
  const { iface } = arrival;
  const filter = to.firewall.isEnforced ? to.firewall.filter : null;
  const refusal = filter === null ? null : refusalBy(filter, packet, iface);
  if (refusal !== null) return `the packet filter refuses it: ${refusal}`;
  // IPv6 has no such check.
  if (familyOf(packet.source) === "v4" && isStrict(to, iface)) {
    const back = bestRoute(to.kernel, packet.source);
    if (back?.iface !== iface && back?.alsoFrom?.iface !== iface)
      return `it arrives at ${iface}, and the reverse path is ${back?.iface ?? "none"}`;
  }
  const last = bestRoute(to.kernel, packet.destination);
  if (last === null || last.via !== null || last.iface === null || !last.iface.startsWith("cni"))
    return `the route to ${packet.destination} is ${last?.iface ?? "none"}`;
  return to.kernel.links.get(last.iface)?.isUp === true ? null : `${last.iface} is down`;
}

function arrivalOf(packet: Received, to: SimulatedHost): { readonly iface: string } | { reason: string } {
  const { carriage, from, source } = packet;
  if (carriage === "bare") return { iface: UNDERLAY };
  if (carriage === "udp") {
    const view = to.sessions.carried();
    if (typeof view === "string") return { reason: `udp lacks ${view}` };
    const path = view.peers.flatMap((peer) => peer.paths).find(({ subnet }) => contains(subnet, source));
    const ip = from.ipOf(familyOf(source));
    const isKnown = path?.remote.ip === ip || path?.remote.source === ip;
    return isKnown ? { iface: "flannel0" } : { reason: `udp does not know ${ip} as the sender of ${source}` };
  }
  for (const link of to.kernel.links.values()) {
    const { settings } = link;
    if (carriage === "ipip") {
      if (settings?.kind !== "ipip" || !link.isUp) continue;
      if (settings.local === null || settings.local === packet.outer) return { iface: link.name };
      continue;
    }
    if (settings?.kind !== "vxlan" || !link.isUp || carriage !== `vxlan ${settings.vni}`) continue;
    if ((settings.port ?? KERNEL_VXLAN_PORT) !== packet.port) continue;
    // Each family has a device of its own, bound to an address of the family.
    if (settings.local !== null && familyOf(settings.local) !== familyOf(packet.outer)) continue;
    if (link.mac !== packet.mac) return { reason: `${link.name} has the MAC ${link.mac}, not ${packet.mac}` };
    return { iface: link.name };
  }
  return { reason: `no device receives ${carriage}` };
}

/** The rules of nftables/vxlan-chains.ts, ipip-chains.ts and arrival-chains.ts as far as they concern pods. */
function refusalBy(filter: PacketFilter, packet: Received, iface: string): string | null {
  const { carriage, from, source, destination } = packet;
  const family = familyOf(source);
  const ip = from.ipOf(family);
  const { vxlan, ipip, arrivals, subnets } = filter;
  const senders = carriage === "ipip" ? ipip?.senders : carriage.startsWith("vxlan") ? vxlan?.senders : null;
  if (senders != null) {
    const isKnown = senders.some(({ outer, inner }) => outer === ip && contains(inner, source));
    if (!isKnown) return `${source} from ${ip}`;
  }
  if (arrivals === null || arrivals.tunnels.includes(iface)) return null;
  const leasable = filter.leasable[family];
  // Such a filter counts only.
  if (filter.action === "log") return null;
  const isLeased = leasable !== null && isBetween(source, leasable);
  const own = subnets[family];
  if (!isLeased || own === null || !contains(own, destination)) return null;
  const isBare = arrivals.bare.includes(iface) && arrivals.barePeers.some((each) => contains(each, source));
  return isBare ? null : `${source} arrives without a tunnel at ${iface}`;
}

/** The larger one of the values of `all`, which is 0 here, and of the device. */
function isStrict({ kernel, checksReversePath }: SimulatedHost, iface: string): boolean {
  const own = kernel.sysctls.get(`net/ipv4/conf/${iface}/rp_filter`);
  return own === undefined ? checksReversePath : own === "1";
}

/** What a host has programmed for a prefix of the network: where its packets go. */
export interface Programmed {
  readonly dst: Prefix;
  readonly carriage: Carriage;
  readonly end: Ip | null;
}

/** Every way that the host has for a part of the network, which gives the family. */
export function programmedOf(host: SimulatedHost, network: Prefix): readonly Programmed[] {
  const ways: Programmed[] = [];
  for (const route of host.kernel.routes) {
    const { dst, iface } = route;
    if (iface === null || iface.startsWith("cni") || !isInside(network, dst)) continue;
    const kind = host.kernel.links.get(iface)?.settings?.kind;
    if (kind === "tun") {
      const view = host.sessions.carried();
      if (typeof view === "string") continue;
      for (const { subnet, remote } of view.peers.flatMap((peer) => peer.paths))
        if (isInside(network, subnet)) ways.push({ dst: subnet, carriage: "udp", end: remote.ip });
      continue;
    }
    if (iface !== UNDERLAY && kind === undefined) continue;
    const sent = send(host, route, dst as unknown as Ip, (route.via ?? dst) as Ip);
    if ("outer" in sent) ways.push({ dst, carriage: sent.carriage, end: sent.outer });
  }
  return ways;
}

/** Routes of the daemon, and through its devices, to other places than these networks. */
export function routesBeyond({ kernel }: SimulatedHost, networks: readonly Prefix[]): readonly Prefix[] {
  const isOurs = ({ iface, protocol }: ObservedRoute): boolean =>
    iface?.startsWith("flannel") === true || (iface === UNDERLAY && protocol === ROUTE_PROTOCOL.tweed);
  return kernel.routes
    .filter((route) => isOurs(route) && !networks.some((network) => isInside(network, route.dst)))
    .map(({ dst }) => dst);
}
