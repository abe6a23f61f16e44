/**
 * Foreign routes inside our networks. They are preserved: where one already leads to a desired destination, our route
 * does not replace it, and does not override the prefix route of a link's address, whose hosts would become
 * unreachable. Routes that flannel left are taken over, and a foreign route that replaced an established one of ours is
 * damage, which is repaired.
 */
import type { Ip, Prefix } from "../../net/index.ts";
import { isBlackhole } from "../objects/blackhole.ts";
import { fdbKey } from "../objects/fdb.ts";
import { ownDevices } from "../objects/link.ts";
import { neighbourKey } from "../objects/neighbour.ts";
import { defaultMetric, isByKernel, isOwnRoute, routeMatches } from "../objects/route.ts";
import type { ObservedRoute } from "../observed.ts";
import { ROUTE_PROTOCOL } from "../state.ts";
import type { DesiredIndex } from "./desired-index.ts";
import type { KernelCache } from "./kernel-cache.ts";
import { isOwnPrefix, type Ownership } from "./ownership.ts";
import { upTo } from "./removal-order.ts";

export interface ForeignRoutes {
  /** Every foreign route inside our networks, whether it has precedence or not. */
  readonly routes: readonly ObservedRoute[];
  /** Desired destinations that foreign routes occupy. */
  readonly taken: ReadonlySet<Prefix>;
}

/** @param established keys of desired routes that have been in place */
export function findForeignRoutes(
  desired: DesiredIndex,
  cache: KernelCache,
  ownership: Ownership,
  established: ReadonlySet<string>,
): ForeignRoutes {
  const devices = ownDevices(ownership, desired.links, cache);
  let ends: PeerEnds | null = null;
  const routes: ObservedRoute[] = [];
  const taken = new Set<Prefix>();
  cache.routes.forEach((route, key) => {
    // In place, as nearly all are.
    const wanted = desired.routes.get(key);
    if (wanted !== undefined && routeMatches(wanted, route)) return;
    const isDesired = desired.destinations.has(route.dst);
    if (!isDesired && !isOwnPrefix(ownership, route.dst)) return;
    if (isOwnRoute(ownership, devices, route) || isBlackhole(route)) return;
    // Includes the prefix route of an address on such a device.
    if (route.iface !== null && (devices.has(route.iface) || ownership.deviceName.test(route.iface))) return;
    if (route.protocol === ROUTE_PROTOCOL.boot && route.via !== null) {
      ends ??= peerEnds(desired);
      if (isLeftByFlannel(route.dst, route.via, desired.destinations, ends)) return;
    }
    const isDamage = isDesired && established.has(key);
    if (isDamage) return;
    routes.push(route);
    if (isDesired && takesPrecedence(route)) taken.add(route.dst);
  });
  return { routes, taken };
}

/**
 * Whether a foreign route takes precedence over ours. A prefix route of a link's address does at any metric: its hosts
 * would be cut off. For others the metric decides, as in the kernel: one with a higher metric than ours remains a
 * fallback, or a safety net that drops.
 */
export function takesPrecedence(route: ObservedRoute): boolean {
  return isByKernel(route) || route.metric <= defaultMetric(route.dst);
}

/** In iproute2's syntax, as far as known. */
export function describeForeignRoute({ dst, via, iface, protocol, metric }: ObservedRoute): string {
  const way = iface === null ? "by no single interface" : `dev ${iface}`;
  return `${dst}${via === null ? "" : ` via ${via}`} ${way} proto ${protocol} metric ${metric}`;
}

/**
 * Whether flannel's host-gw or DirectRouting made this route via a tunnel end. The address of another peer may be an
 * administrator's router, and flannel makes no routes to parts of subnets.
 */
function isLeftByFlannel(dst: Prefix, via: Ip, desired: ReadonlySet<Prefix>, ends: PeerEnds): boolean {
  if (desired.has(dst)) return ends.behind(dst).has(via);
  return ends.all.has(via) && !upTo(dst, 1).some((wider) => desired.has(wider));
}

/** Addresses at which peers are reached. */
interface PeerEnds {
  readonly all: ReadonlySet<Ip>;
  /** Those of the peer with this subnet. */
  behind(dst: Prefix): ReadonlySet<Ip>;
}

function peerEnds({ routes, fdb, neighbours }: DesiredIndex): PeerEnds {
  const all = new Set<Ip>();
  const byDestination = new Map<Prefix, Set<Ip>>();
  for (const { dst, via, iface, alsoFrom } of routes.values()) {
    const neighbour = via === null ? undefined : neighbours.get(neighbourKey(iface, via));
    const remote =
      neighbour === undefined ? undefined : fdb.get(fdbKey({ ...neighbour, remote: null }))?.remote;
    const ends = [via, alsoFrom?.via, remote].filter((ip) => ip != null);
    byDestination.set(dst, new Set([...(byDestination.get(dst) ?? []), ...ends]));
    for (const end of ends) all.add(end);
  }
  for (const { remote } of fdb.values()) all.add(remote);
  return { all, behind: (dst) => byDestination.get(dst) ?? new Set() };
}

/**
 * The desired state without routes to occupied destinations: all else is applied, and routes of ours there are removed.
 */
export function withoutTaken(desired: DesiredIndex, taken: ReadonlySet<Prefix>): DesiredIndex {
  if (taken.size === 0) return desired;
  return { ...desired, routes: new Map([...desired.routes].filter(([, { dst }]) => !taken.has(dst))) };
}
