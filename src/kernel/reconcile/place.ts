/**
 * The place an object holds in the kernel, as a map key. The kernel keeps one object to a place, so what stands
 * in the place of a desired object is either that object or what has to make room for it.
 */
import { type Ip, isIpv4Prefix, isUnicastMac, type Mac, type Prefix } from "../../net/index.ts";
import type { ObservedRoute } from "../observed.ts";
import { BLACKHOLE_METRIC, ROUTE_PROTOCOL, type RouteState } from "../state.ts";

export function addressPlace(address: {
  readonly iface: string;
  readonly ip: Ip;
  readonly length: number;
}): string {
  return `${address.iface} ${address.ip}/${address.length}`;
}

export function neighbourPlace(iface: string, ip: Ip): string {
  return `${iface} ${ip}`;
}

/** A unicast MAC has one remote end; zeros and group addresses have a list of them (vxlan_fdb_update). */
export function fdbPlace(entry: {
  readonly iface: string;
  readonly mac: Mac;
  readonly remote: Ip | null;
}): string {
  const place = `${entry.iface} ${entry.mac}`;
  return isUnicastMac(entry.mac) ? place : `${place} ${entry.remote}`;
}

/** The metric that a route gets when none is asked for: IP6_RT_PRIO_USER of linux/ipv6_route.h, or zero. */
export function defaultMetric(dst: Prefix): number {
  return isIpv4Prefix(dst) ? 0 : 1024;
}

export function desiredRoutePlace(route: RouteState): string {
  return `${route.dst} ${defaultMetric(route.dst)}`;
}

/** Among the routes: no other is in the place of a blackhole. */
export function blackholePlace(dst: Prefix): string {
  return `${dst} ${BLACKHOLE_METRIC}`;
}

/** rtm_protocol of routes learned from router advertisements (linux/rtnetlink.h). */
const RTPROT_RA = 9;

/** Made by the kernel itself, of an address or a router advertisement. */
export function isByKernel({ protocol }: Pick<ObservedRoute, "protocol">): boolean {
  return protocol === ROUTE_PROTOCOL.kernel || protocol === RTPROT_RA;
}

/** Routes that the kernel makes by itself stand side by side: two cards in one subnet have one prefix each. */
export function observedRoutePlace(route: ObservedRoute): string {
  const place = `${route.dst} ${route.metric}`;
  return isByKernel(route) ? `${place} ${route.iface} ${route.via}` : place;
}
