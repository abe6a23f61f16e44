/** Routes of the main table. */
import { isIpv4Prefix, type Prefix } from "../../net/index.ts";
import { joinedKey } from "../../runtime/joined-key.ts";
import { type NextHopPair, nextHopsOf, readNextHopPair } from "../netlink/bare-next-hop.ts";
import type { LinkTable } from "../netlink/link-table.ts";
import { creation, deletion } from "../netlink/request.ts";
import {
  encodeRoute,
  REFUSING,
  ROUTE_FLAG,
  type RouteMessage,
  RT_SCOPE,
  RT_TABLE_MAIN,
  RTM_ROUTE,
  RTN,
} from "../netlink/route.ts";
import type { InterfaceIndex, ObservedRoute } from "../observed.ts";
import type { Operation } from "../operation.ts";
import { isOwnPrefix, type Ownership } from "../reconcile/ownership.ts";
import type { Comparison } from "../reconcile/stage.ts";
import { ROUTE_PROTOCOL, type RouteState } from "../state.ts";
import { missingDevice, ownDevices } from "./link.ts";
import { missingForNeighbour, neighbourKey, neighbourMatches } from "./neighbour.ts";
import type { ObjectKind, ObservedKind } from "./object-kind.ts";

type RouteOperation = Extract<Operation, { op: "put-route" | "delete-route" }>;

export const routeKind: ObjectKind<RouteState, ObservedRoute, RouteOperation> &
  ObservedKind<ObservedRoute, RouteMessage, LinkTable> = {
  operations: ["put-route", "delete-route"],
  decode: decodeRoute,
  keyOf: desiredRouteKey,
  keyOfObserved: observedRouteKey,
  desiredIn: ({ routes }) => routes,
  observedIn: ({ routes }) => routes,
  matches: routeMatches,
  waitsFor: missingForRoute,
  put: (route) => ({ op: "put-route", route }),
  removal: (comparison) => {
    const { ownership, desired, cache } = comparison;
    const devices = ownDevices(ownership, desired.links, cache);
    return (have) => {
      if (!isOwnRoute(ownership, devices, have)) return null;
      // Routes are deleted with their device.
      if (devices.has(have.iface) && !desired.links.has(have.iface)) return null;
      const { metric, source: _, ...route } = have;
      return { op: "delete-route", route, metric };
    };
  },
  deviceOf: ({ route }) => route.iface,
  otherDeviceOf: ({ route }) => route.alsoFrom?.iface ?? null,
  encode: (operation, index, otherIndex) =>
    operation.op === "put-route"
      ? creation(describe(operation), RTM_ROUTE.new, encodeNew(operation.route, index, otherIndex))
      : deletion(
          describe(operation),
          RTM_ROUTE.delete,
          encodeGone(operation.route, operation.metric, index, otherIndex),
        ),
  describe,
  acknowledge: (cache, operation) => {
    const { route } = operation;
    if (operation.op === "put-route") {
      const metric = defaultMetric(route.dst);
      cache.routes.set(desiredRouteKey(route), { ...route, metric, source: null });
    } else {
      cache.routes.delete(observedRouteKey({ ...route, metric: operation.metric, source: null }));
    }
  },
  notifiedKey: (operation) =>
    operation.op === "put-route"
      ? `route ${desiredRouteKey(operation.route)}`
      : `route ${operation.route.dst} ${operation.metric}`,
};

/** The metric of a route that is added without one: IP6_RT_PRIO_USER of linux/ipv6_route.h, or zero. */
export function defaultMetric(dst: Prefix): number {
  return isIpv4Prefix(dst) ? 0 : 1024;
}

function desiredRouteKey(route: RouteState): string {
  return joinedKey(route.dst, defaultMetric(route.dst));
}

/** rtm_protocol of routes learned from router advertisements (linux/rtnetlink.h). */
const RTPROT_RA = 9;

/** Created by the kernel itself for an address or a router advertisement. */
export function isByKernel({ protocol }: Pick<ObservedRoute, "protocol">): boolean {
  return protocol === ROUTE_PROTOCOL.kernel || protocol === RTPROT_RA;
}

/** The kernel's own routes may share destination and metric: two interfaces in one subnet have a prefix route each. */
export function observedRouteKey(route: ObservedRoute): string {
  const { dst, metric, iface, via } = route;
  return isByKernel(route) ? joinedKey(dst, metric, iface, via) : joinedKey(dst, metric);
}

export function routeMatches(want: RouteState, have: ObservedRoute | undefined): boolean {
  return (
    have !== undefined &&
    isSameNextHop(have, want) &&
    have.onlink === want.onlink &&
    have.protocol === want.protocol &&
    have.mtuBytes === want.mtuBytes &&
    have.source === null
  );
}

type Hop = Pick<ObservedRoute, "via" | "iface" | "alsoFrom">;

export function isSameNextHop(one: Hop, other: Hop): boolean {
  return (
    one.via === other.via &&
    one.iface === other.iface &&
    one.alsoFrom?.via === other.alsoFrom?.via &&
    one.alsoFrom?.iface === other.alsoFrom?.iface
  );
}

/** A route may switch to a path only when every part of the path is in place. */
export function missingForRoute(comparison: Comparison, route: RouteState): string | null {
  const { desired, cache } = comparison;
  if (desired.links.has(route.iface) && cache.links.get(route.iface)?.isUp !== true) {
    return `link ${route.iface} up`;
  }
  if (route.via !== null) {
    const key = neighbourKey(route.iface, route.via);
    const neighbour = desired.neighbours.get(key);
    if (neighbour !== undefined) {
      if (!neighbourMatches(neighbour, cache.neighbours.get(key))) return `neighbour ${key}`;
      return missingForNeighbour(comparison, neighbour);
    }
  }
  return missingDevice(comparison, route.iface);
}

/**
 * True for a route inside our networks that carries our protocol number or leaves through a device of ours. One without
 * an interface is a blackhole or multipath.
 */
export function isOwnRoute(
  ownership: Ownership,
  devices: ReadonlySet<string>,
  route: ObservedRoute,
): route is ObservedRoute & { readonly iface: string } {
  if (route.iface === null || route.protocol === ROUTE_PROTOCOL.kernel) return false;
  if (route.protocol !== ROUTE_PROTOCOL.tweed && !devices.has(route.iface)) return false;
  return isOwnPrefix(ownership, route.dst);
}

/**
 * null for all but unicast and refusing routes of the main table (not local, broadcast, multicast), and for cached
 * ones.
 */
function decodeRoute(route: RouteMessage, links: LinkTable): ObservedRoute | null {
  const isWanted =
    route.table === RT_TABLE_MAIN &&
    (route.type === RTN.unicast || REFUSING.has(route.type)) &&
    (route.flags & ROUTE_FLAG.cloned) === 0;
  if (!isWanted) return null;
  const hops = readHops(route);
  const hop = route.type === RTN.unicast ? (hops?.own ?? null) : null;
  const iface = hop === null || hop.index === null ? null : links.nameOf(hop.index);
  // A device created after the dump of links: its own notification has not been read yet.
  if (hop !== null && iface === null) return null;
  return {
    dst: route.dst,
    via: hop?.gateway ?? null,
    iface,
    onlink: hop !== null && (hop.flags & ROUTE_FLAG.onlink) !== 0,
    protocol: route.protocol,
    metric: route.metric ?? 0,
    mtuBytes: route.mtuBytes,
    source: route.source,
    ...alsoFrom(hops?.bare ?? null, links),
  };
}

type BareNextHop = NextHopPair["bare"];
type OwnHop = Pick<RouteMessage, "index" | "gateway" | "flags">;

/** null for several next hops that are not ours. */
function readHops(route: RouteMessage): { readonly own: OwnHop; readonly bare: BareNextHop | null } | null {
  return route.nextHops === null ? { own: route, bare: null } : readNextHopPair(route.nextHops);
}

function alsoFrom(bare: BareNextHop | null, links: LinkTable): Pick<ObservedRoute, "alsoFrom"> {
  const iface = bare === null ? null : links.nameOf(bare.index);
  return bare?.gateway == null || iface === null ? {} : { alsoFrom: { via: bare.gateway, iface } };
}

function encodeNew(route: RouteState, index: InterfaceIndex, otherIndex: InterfaceIndex): Uint8Array {
  return encodeRoute({
    dst: route.dst,
    table: RT_TABLE_MAIN,
    protocol: route.protocol,
    scope: RT_SCOPE.universe,
    type: RTN.unicast,
    metric: null,
    source: null,
    mtuBytes: route.mtuBytes,
    ...nextHopFields(route, route.onlink ? ROUTE_FLAG.onlink : 0, index, otherIndex),
  });
}

/**
 * Names destination, gateway, device, protocol and metric, each of which the kernel compares. An absent gateway and a
 * metric of 0 match any. The kernel searches routes in the order of their metric, so the intended one is found first if
 * it exists.
 */
function encodeGone(
  route: RouteState,
  metric: number,
  index: InterfaceIndex,
  otherIndex: InterfaceIndex,
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
    ...nextHopFields(route, 0, index, otherIndex),
  });
}

function nextHopFields(
  { via: gateway, alsoFrom }: RouteState,
  flags: number,
  index: InterfaceIndex,
  otherIndex: InterfaceIndex,
) {
  const own = { index, gateway, flags };
  if (alsoFrom === undefined) return { ...own, nextHops: null };
  const bare = { index: otherIndex, gateway: alsoFrom.via, flags: 0 };
  return { index: null, gateway: null, flags: 0, nextHops: nextHopsOf({ own, bare }) };
}

function describe(operation: RouteOperation): string {
  const { route } = operation;
  if (operation.op === "put-route") return `put route ${describePath(route)}`;
  const rank = operation.metric === defaultMetric(route.dst) ? "" : ` metric ${operation.metric}`;
  return `delete route ${describePath(route)}${rank}`;
}

function describePath({ dst, via, iface, alsoFrom }: RouteState): string {
  const bare = alsoFrom === undefined ? "" : `, also from ${alsoFrom.via} dev ${alsoFrom.iface}`;
  return `${dst}${via === null ? "" : ` via ${via}`} dev ${iface}${bare}`;
}
