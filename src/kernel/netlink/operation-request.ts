/** From an operation to the netlink request that carries it out, attribute by attribute as flannel sends it. */
import { familyOf, type Prefix } from "../../net/index.ts";
import { ERRNO } from "../libc/errno.ts";
import type { InterfaceIndex } from "../observed.ts";
import type { Operation } from "../operation.ts";
import {
  type AddressState,
  BLACKHOLE_METRIC,
  type FdbState,
  type NeighbourState,
  ROUTE_PROTOCOL,
  type RouteState,
  type VxlanLink,
} from "../state.ts";
import { encodeAddress, IFA_F, RTM_ADDRESS } from "./address.ts";
import { AF, afOf } from "./family.ts";
import { BLANK_LINK, encodeLink, IFF, RTM_LINK } from "./link.ts";
import { encodeNeighbour, NTF_SELF, NUD, RTM_NEIGHBOUR } from "./neighbour.ts";
import { MODE, type Request } from "./request.ts";
import { encodeRoute, ROUTE_FLAG, RT_SCOPE, RT_TABLE_MAIN, RTM_ROUTE, RTN } from "./route.ts";
import { nextHopsOf } from "./two-ways.ts";
import { NO_VXLAN_DATA } from "./vxlan-data.ts";

/** The operations that are netlink requests: all but writing to /proc/sys and making a TUN device. */
export type NetlinkOperation =
  | Exclude<Operation, { readonly op: "write-sysctl" | "create-link" }>
  | { readonly op: "create-link"; readonly link: VxlanLink };

/** The kernel counts devices from 1. */
export const NO_DEVICE = 0 as InterfaceIndex;

type SetLink = Extract<Operation, { readonly op: "set-link" }>;

/** What deleting meets when the object, or its device with it, is gone already. */
const GONE = [ERRNO.ENOENT, ERRNO.ESRCH, ERRNO.ENODEV, ERRNO.EADDRNOTAVAIL];

/** Name of the device whose index the request holds; for a new VXLAN device, of the one below it; null for none. */
export function deviceOf(operation: NetlinkOperation): string | null {
  switch (operation.op) {
    case "create-link":
      return operation.link.parent;
    case "set-link":
    case "delete-link":
      return operation.name;
    case "add-address":
    case "delete-address":
      return operation.address.iface;
    case "put-route":
    case "delete-route":
      return operation.route.iface;
    case "put-blackhole":
    case "delete-blackhole":
      return null;
    default:
      return operation.entry.iface;
  }
}

/** Name of the other device whose index the request holds, if any. */
export function bareDeviceOf(operation: NetlinkOperation): string | null {
  return "route" in operation ? (operation.route.alsoFrom?.iface ?? null) : null;
}

/**
 * @param index of the device that {@link deviceOf} names; {@link NO_DEVICE} where it names none
 * @param bareIndex of the one that {@link bareDeviceOf} names
 */
export function requestOf(
  operation: NetlinkOperation,
  index: InterfaceIndex,
  bareIndex: InterfaceIndex = NO_DEVICE,
): Request {
  const subject = describe(operation);
  switch (operation.op) {
    case "create-link":
      return creation(subject, RTM_LINK.new, encodeVxlan(operation.link, index), MODE.create);
    case "set-link":
      return creation(subject, RTM_LINK.new, encodeLinkChange(operation, index), MODE.change);
    case "delete-link":
      return deletion(subject, RTM_LINK.delete, encodeLink({ ...BLANK_LINK, index }));
    case "add-address":
      return creation(subject, RTM_ADDRESS.new, encodeAddressOf(operation.address, index));
    case "delete-address":
      return deletion(subject, RTM_ADDRESS.delete, encodeAddressOf(operation.address, index));
    case "put-fdb":
      return creation(subject, RTM_NEIGHBOUR.new, encodeFdb(operation.entry, index));
    case "delete-fdb":
      return deletion(subject, RTM_NEIGHBOUR.delete, encodeFdb(operation.entry, index));
    case "put-neighbour":
      return creation(subject, RTM_NEIGHBOUR.new, encodeNeighbourOf(operation.entry, index));
    case "delete-neighbour":
      return deletion(subject, RTM_NEIGHBOUR.delete, encodeNeighbourOf(operation.entry, index));
    case "put-route":
      return creation(subject, RTM_ROUTE.new, encodeNewRoute(operation.route, index, bareIndex));
    case "delete-route": {
      const { route, metric } = operation;
      return deletion(subject, RTM_ROUTE.delete, encodeGoneRoute(route, metric, index, bareIndex));
    }
    case "put-blackhole":
      return creation(subject, RTM_ROUTE.new, encodeBlackhole(operation.dst, RT_SCOPE.universe));
    case "delete-blackhole":
      return deletion(subject, RTM_ROUTE.delete, encodeBlackhole(operation.dst, RT_SCOPE.nowhere));
  }
}

/** True for what is already done when its object, or its device, is gone. */
export function isDeletion(operation: NetlinkOperation): boolean {
  return operation.op.startsWith("delete-");
}

/** For errors: "put-route 10.244.3.0/24 via 10.244.3.0 on flannel.1". */
export function describe(operation: Operation): string {
  return `${operation.op} ${objectOf(operation)}`;
}

function objectOf(operation: Operation): string {
  switch (operation.op) {
    case "create-link":
      return operation.link.name;
    case "set-link":
    case "delete-link":
      return operation.name;
    case "write-sysctl":
      return operation.sysctl.path;
    case "add-address":
    case "delete-address": {
      const { ip, length, iface } = operation.address;
      return `${ip}/${length} on ${iface}`;
    }
    case "put-fdb":
    case "delete-fdb": {
      const { mac, remote, iface } = operation.entry;
      return `${mac} to ${remote} on ${iface}`;
    }
    case "put-neighbour":
    case "delete-neighbour": {
      const { ip, mac, iface } = operation.entry;
      return `${ip} at ${mac} on ${iface}`;
    }
    case "put-route":
    case "delete-route": {
      const { dst, via, iface } = operation.route;
      return via === null ? `${dst} on ${iface}` : `${dst} via ${via} on ${iface}`;
    }
    case "put-blackhole":
    case "delete-blackhole":
      return operation.dst;
  }
}

function creation(
  operation: string,
  type: number,
  body: Uint8Array,
  flags: number = MODE.createOrReplace,
): Request {
  return { operation, type, flags, body, doneErrnos: [] };
}

function deletion(operation: string, type: number, body: Uint8Array): Request {
  return { operation, type, flags: 0, body, doneErrnos: GONE };
}

/** What flannel sends: everything off but learning and the group policy extension, and no multicast group. */
function encodeVxlan(link: VxlanLink, parentIndex: InterfaceIndex): Uint8Array {
  return encodeLink({
    ...BLANK_LINK,
    name: link.name,
    mac: link.mac,
    mtuBytes: link.mtuBytes,
    txQueueLength: 0,
    kind: "vxlan",
    vxlan: {
      vni: link.vni,
      group: null,
      parentIndex,
      local: link.local,
      ttl: 0,
      tos: 0,
      learning: link.learning,
      proxy: false,
      rsc: false,
      l2miss: false,
      l3miss: false,
      udpZeroCsum6Tx: false,
      udpZeroCsum6Rx: false,
      gbp: link.gbp,
      port: link.port,
    },
  });
}

/** VXLAN data goes along only when it changes, because other kinds of device refuse it. */
function encodeLinkChange(change: SetLink, index: InterfaceIndex): Uint8Array {
  const { learning = null, local = null, up } = change;
  const changesVxlan = learning !== null || local !== null;
  return encodeLink({
    ...BLANK_LINK,
    index,
    flags: up === true ? IFF.up : 0,
    changeMask: up === undefined ? 0 : IFF.up,
    mac: change.mac ?? null,
    mtuBytes: change.mtuBytes ?? null,
    kind: changesVxlan ? "vxlan" : null,
    vxlan: changesVxlan ? { ...NO_VXLAN_DATA, learning, local } : null,
  });
}

function encodeAddressOf({ ip, length }: AddressState, index: InterfaceIndex): Uint8Array {
  const family = familyOf(ip);
  return encodeAddress({
    family,
    length,
    scope: RT_SCOPE.universe,
    index,
    // Ours by lease; while it was being checked for duplicates nothing could be sent from it.
    flags: family === "v6" ? IFA_F.nodad : 0,
    ip,
    remote: null,
  });
}

function encodeFdb({ mac, remote }: FdbState, index: InterfaceIndex): Uint8Array {
  const place = { af: AF.bridge, flags: NTF_SELF, type: RTN.unspec };
  return encodeNeighbour({ ...place, index, state: NUD.permanent, ip: remote, mac });
}

function encodeNeighbourOf({ ip, mac }: NeighbourState, index: InterfaceIndex): Uint8Array {
  const place = { af: afOf(familyOf(ip)), flags: 0, type: RTN.unicast };
  return encodeNeighbour({ ...place, index, state: NUD.permanent, ip, mac });
}

function encodeNewRoute(route: RouteState, index: InterfaceIndex, bareIndex: InterfaceIndex): Uint8Array {
  return encodeRoute({
    dst: route.dst,
    table: RT_TABLE_MAIN,
    protocol: route.protocol,
    scope: RT_SCOPE.universe,
    type: RTN.unicast,
    metric: null,
    source: null,
    mtuBytes: route.mtuBytes,
    ...waysOf(route, route.onlink ? ROUTE_FLAG.onlink : 0, index, bareIndex),
  });
}

function waysOf(
  { via: gateway, alsoFrom }: RouteState,
  flags: number,
  index: InterfaceIndex,
  bareIndex: InterfaceIndex,
) {
  const own = { index, gateway, flags };
  if (alsoFrom === undefined) return { ...own, nextHops: null };
  const bare = { index: bareIndex, gateway: alsoFrom.via, flags: 0 };
  return { index: null, gateway: null, flags: 0, nextHops: nextHopsOf({ own, bare }) };
}

/**
 * Names destination, gateway, device, protocol and metric, each of which the kernel compares. Two of them it
 * takes for "any" where they are absent: a missing gateway and a metric of 0. Routes are tried in the order of
 * their metric, so that the one meant comes first if it is there.
 */
function encodeGoneRoute(
  route: RouteState,
  metric: number,
  index: InterfaceIndex,
  bareIndex: InterfaceIndex,
): Uint8Array {
  return encodeRoute({
    dst: route.dst,
    table: RT_TABLE_MAIN,
    protocol: route.protocol,
    scope: RT_SCOPE.nowhere,
    type: RTN.unicast,
    metric: metric === 0 ? null : metric,
    source: null,
    mtuBytes: null,
    ...waysOf(route, 0, index, bareIndex),
  });
}

/** In IPv6 the kernel has it leave through "lo"; asked for any device at all, IPv4 refuses it (fib_create_info). */
function encodeBlackhole(dst: Prefix, scope: number): Uint8Array {
  return encodeRoute({
    dst,
    table: RT_TABLE_MAIN,
    protocol: ROUTE_PROTOCOL.tweed,
    scope,
    type: RTN.blackhole,
    flags: 0,
    gateway: null,
    index: null,
    metric: BLACKHOLE_METRIC,
    source: null,
    mtuBytes: null,
    nextHops: null,
  });
}
