/**
 * Transitional routes, while paths switch between tunnels and the bare underlay. A tunnel accepts packets of every peer
 * that has switched to it; the underlay, where the reverse path is checked strictly, accepts only packets of peers
 * whose route leads over it. So a route through a tunnel has the underlay as a second next hop as long as the peer may
 * send over it: from before the peer can start until after it has stopped. Pure.
 */
import type { UnderlayRoute } from "../../../backends/backend.ts";
import { deviceOnLink } from "../../../backends/underlay.ts";
import type { KernelState, RouteState } from "../../kernel/state.ts";
import { containsPrefix, isIpv4Prefix, type Prefix } from "../../net/index.ts";

export interface OtherRoutes {
  /** Of paths with options that are not published yet. */
  readonly unpublished: readonly RouteState[];
  /** Of backends that peers offer and no path uses. */
  readonly possible: readonly RouteState[];
  /** null where the reverse path is not checked strictly. */
  readonly underlay: readonly UnderlayRoute[] | null;
}

/** @param wanted routes of the chosen paths, and the devices of the overlay */
export function transitionalRoutes(
  { routes, links }: Pick<KernelState, "routes" | "links">,
  { unpublished, possible, underlay }: OtherRoutes,
): readonly RouteState[] {
  const tunnels = new Set(links.map(({ name }) => name));
  const isBare = ({ iface }: RouteState) => !tunnels.has(iface);
  const early = byDestination(unpublished.filter((route) => !isBare(route)));
  const bare = byDestination([...routes, ...unpublished, ...possible].filter(isBare));
  // Nothing to replace, as nearly always.
  if (early.size === 0 && (underlay === null || bare.size === 0)) return routes;
  const byDst = new Map(routes.map((route) => [route.dst, route]));
  for (const [dst, route] of early) {
    const chosen = byDst.get(dst);
    // Sending through a tunnel is safe before it is published, so a path leaves the underlay first.
    if (chosen !== undefined && isBare(chosen)) byDst.set(dst, route);
  }
  if (underlay === null) return [...byDst.values()];
  for (const [dst, { via, iface }] of bare) {
    const own = byDst.get(dst) ?? widerRoute(routes, dst);
    if (own === undefined || isBare(own) || via === null || !isIpv4Prefix(dst)) continue;
    // The kernel refuses the whole route if one gateway is not a neighbour.
    if (deviceOnLink(via, underlay) === iface) byDst.set(dst, { ...own, dst, alsoFrom: { via, iface } });
  }
  return [...byDst.values()];
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
