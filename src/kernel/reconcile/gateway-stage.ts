/**
 * The kernel takes an IPv6 gateway for "on link" only while its table does not say that it is behind another
 * device, the default route aside (ip6_route_check_nh_onlink in net/ipv6/route.c; IPv4 has no such rule). A tunnel's
 * gateway lies in the very prefix that the path before led to, so a host route to it goes first. Once the route
 * proper stands, the host route is surplus and is removed as such.
 */
import { familyOf, type Ip, prefixLength, prefixOf } from "../../net/index.ts";
import { missingForRoute, routeMatches } from "../objects/route.ts";
import { ROUTE_PROTOCOL, type RouteState } from "../state.ts";
import type { KernelCache } from "./kernel-cache.ts";
import type { Comparison, PlannedOperation } from "./stage.ts";

const HOST_BITS = 128;

export function putGatewayRoutes(comparison: Comparison): PlannedOperation[] {
  const { desired, cache } = comparison;
  const pending = [];
  for (const [key, route] of desired.routes) {
    if (!route.onlink || route.via === null || familyOf(route.via) === "v4") continue;
    if (!routeMatches(route, cache.routes.get(key))) pending.push({ route, via: route.via });
  }
  if (pending.length === 0) return [];
  const deviceTo = deviceLookup(cache);
  return pending.flatMap(({ route, via }): PlannedOperation[] => {
    const device = deviceTo(via);
    if (device === null || device === route.iface) return [];
    const hostRoute: RouteState = {
      dst: prefixOf(via, HOST_BITS),
      via: null,
      iface: route.iface,
      onlink: false,
      protocol: ROUTE_PROTOCOL.boot,
      mtuBytes: null,
    };
    return [{ operation: { op: "put-route", route: hostRoute }, waitsFor: missingForRoute(comparison, route) }];
  });
}

/** Where the longest prefix that holds an address leads; null for nowhere but the default route. */
function deviceLookup(cache: KernelCache): (ip: Ip) => string | null {
  const devices = new Map<string, string>();
  const lengths = new Set<number>();
  for (const { dst, iface } of cache.routes.values()) {
    if (iface === null || prefixLength(dst) === 0 || devices.has(dst)) continue;
    devices.set(dst, iface);
    lengths.add(prefixLength(dst));
  }
  const longestFirst = [...lengths].sort((a, b) => b - a);
  return (ip) => {
    for (const length of longestFirst) {
      const device = devices.get(prefixOf(ip, length));
      if (device !== undefined) return device;
    }
    return null;
  };
}
