/**
 * Transitional routes, while paths turn between tunnels and the bare underlay. A tunnel accepts packets of every peer that
 * has turned to it; the underlay, where the reverse path is checked strictly, accepts only those of peers that are routed to
 * over it. So a route through a tunnel names the underlay as a second next hop for as long as the peer may send that way:
 * from before it can until after it could. Pure.
 */
import type { UnderlayRoute } from "../../../backends/backend.ts";
import { deviceOnLink } from "../../../backends/underlay.ts";
import type { KernelState, RouteState } from "../../kernel/state.ts";
import { containsPrefix, isIpv4Prefix, type Prefix } from "../../net/index.ts";

export interface OtherRoutes {
  /** Of the paths by options that are not published yet. */
  readonly coming: readonly RouteState[];
  /** Of backends that peers offer and no path takes. */
  readonly possible: readonly RouteState[];
  /** null where the reverse path is not checked strictly. */
  readonly underlay: readonly UnderlayRoute[] | null;
}

/** @param wanted of the paths that are chosen */
export function transitionalRoutes(
  { routes, links }: Pick<KernelState, "routes" | "links">,
  { coming, possible, underlay }: OtherRoutes,
): readonly RouteState[] {
  const tunnels = new Set(links.map(({ name }) => name));
  const isBare = ({ iface }: RouteState) => !tunnels.has(iface);
  const ways = new Map(routes.map((route) => [route.dst, route]));
  const early = byDestination(coming.filter((route) => !isBare(route)));
  const bare = byDestination([...routes, ...coming, ...possible].filter(isBare));
  for (const [dst, route] of early) {
    const have = ways.get(dst);
    // A tunnel may be sent through before it is published, so a path leaves the underlay first.
    if (have !== undefined && isBare(have)) ways.set(dst, route);
  }
  if (underlay === null) return [...ways.values()];
  for (const [dst, { via, iface }] of bare) {
    const own = ways.get(dst) ?? widerRoute(routes, dst);
    if (own === undefined || isBare(own) || via === null || !isIpv4Prefix(dst)) continue;
    // The kernel refuses all of a route for one gateway that is not a neighbour.
    if (deviceOnLink(via, underlay) === iface) ways.set(dst, { ...own, dst, alsoFrom: { via, iface } });
  }
  return [...ways.values()];
}

function byDestination(routes: readonly RouteState[]): ReadonlyMap<Prefix, RouteState> {
  const first = new Map<Prefix, RouteState>();
  for (const route of routes) if (!first.has(route.dst)) first.set(route.dst, route);
  return first;
}

/** A userspace backend has one route for the whole network. */
function widerRoute(routes: readonly RouteState[], dst: Prefix): RouteState | undefined {
  return routes.find((route) => containsPrefix(route.dst, dst));
}
