/** Peers whose packets take ways that are not ours, because the host has other routes inside the network. Pure. */
import type { Peer } from "../../backends/backend.ts";
import type { ObservedRoute } from "../kernel/observed.ts";
import { describeForeignRoute, isInTheWay } from "../kernel/reconcile/foreign-routes.ts";
import { FAMILIES, type Prefix, prefixAddress, prefixFamily, prefixLength, prefixOf } from "../net/index.ts";
import type { UnreachedPeer } from "./network-plan.ts";

/** One for each peer and family, with the route that takes the most of its subnet. */
export function obstructedPeers(
  peers: readonly Pick<Peer, "key" | "subnets">[],
  foreign: readonly ObservedRoute[],
): readonly UnreachedPeer[] {
  if (foreign.length === 0) return [];
  const owners = new Map<Prefix, string>();
  for (const { key, subnets } of peers) {
    for (const family of FAMILIES) if (subnets[family] !== null) owners.set(subnets[family], key);
  }
  const lengths = [...new Set([...owners.keys()].map(prefixLength))];
  const found = new Map<Prefix, UnreachedPeer>();
  const widestFirst = [...foreign].sort((a, b) => prefixLength(a.dst) - prefixLength(b.dst));
  for (const route of widestFirst) {
    for (const length of lengths.filter((each) => each <= prefixLength(route.dst))) {
      const subnet = prefixOf(prefixAddress(route.dst), length);
      const peer = owners.get(subnet);
      if (peer === undefined || found.has(subnet) || (route.dst === subnet && !isInTheWay(route))) continue;
      found.set(subnet, {
        peer,
        family: prefixFamily(subnet),
        code: "foreign-route",
        reason: `its subnet ${subnet} is reached by a route that is not ours: ${describeForeignRoute(route)}; remove it if nothing needs it`,
      });
    }
  }
  return [...found.values()];
}
