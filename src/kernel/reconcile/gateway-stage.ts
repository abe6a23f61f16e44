/**
 * The kernel accepts an IPv6 gateway as "onlink" only while no route but the default leads to it through another device
 * (ip6_route_check_nh_onlink in net/ipv6/route.c; IPv4 has no such rule). A tunnel's gateway is in the prefix of the
 * previous path, so a host route to it is added first. Once the route itself is in place, the host route is surplus and
 * is removed.
 */
import { familyOf, type Ip, prefixLength, prefixOf } from "../../net/index.ts";
import { missingForRoute, routeMatches } from "../objects/route.ts";
import { ROUTE_PROTOCOL, type RouteState } from "../state.ts";
import type { KernelCache } from "./kernel-cache.ts";
import type { Comparison, PlannedOperation } from "./stage.ts";

const HOST_BITS = 128;

export function putGatewayRoutes(comparison: Comparison): PlannedOperation[] {
  const { desired, cache } = comparison;
  const pending: { route: RouteState; via: Ip }[] = [];
  desired.routes.forEach((route, key) => {
    if (!route.onlink || route.via === null || familyOf(route.via) === "v4") return;
    if (!routeMatches(route, cache.routes.get(key))) pending.push({ route, via: route.via });
  });
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
    return [
      { operation: { op: "put-route", route: hostRoute }, waitsFor: missingForRoute(comparison, route) },
    ];
  });
}

/** The device of the longest matching prefix; null where only the default route matches. */
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
