/** Peers whose packets foreign routes or rules of this host divert from our routes. Pure. */
import type { Sender } from "../../../backends/backend.ts";
import type { ObservedRoute, ObservedRule, PolicyRoute } from "../../kernel/observed.ts";
import { describeForeignRoute, takesPrecedence } from "../../kernel/reconcile/foreign-routes.ts";
import { DEVICE_NAME } from "../../kernel/reconcile/ownership.ts";
import {
  type DualPrefix,
  FAMILIES,
  overlaps,
  type Prefix,
  prefixAddress,
  prefixFamily,
  prefixLength,
  prefixOf,
} from "../../net/index.ts";
import type { UnreachedPeer } from "../network-plan.ts";

export interface ForeignRouting {
  /** In the main table. */
  readonly foreign: readonly ObservedRoute[];
  readonly rules: readonly ObservedRule[];
}

/**
 * One entry for each peer and family, with the route or rule that diverts the most of its subnet.
 * @param own this node's subnets: a rule for other sources does not apply
 */
export function obstructedPeers(
  peers: readonly Pick<Sender, "key" | "subnets">[],
  own: DualPrefix | null,
  { foreign, rules }: ForeignRouting,
): readonly UnreachedPeer[] {
  if (foreign.length === 0 && rules.length === 0) return [];
  const owners = new Map<Prefix, string>();
  for (const { key, subnets } of peers) {
    for (const family of FAMILIES) if (subnets[family] !== null) owners.set(subnets[family], key);
  }
  const found = new Map<Prefix, UnreachedPeer>();
  const report = (subnet: Prefix, code: string, reason: string) => {
    const peer = owners.get(subnet);
    if (peer === undefined || found.has(subnet)) return;
    found.set(subnet, { peer, family: prefixFamily(subnet), code, reason });
  };
  for (const rule of rules) {
    const ownSubnet = own?.[rule.family] ?? null;
    if (rule.source !== null && (ownSubnet === null || !overlaps(rule.source, ownSubnet))) continue;
    const diversionOf = diversion(rule, owners.keys());
    for (const subnet of owners.keys()) {
      const detour = prefixFamily(subnet) === rule.family ? diversionOf(subnet) : null;
      if (detour === null) continue;
      const reason = `a rule diverts packets for its subnet ${subnet} from our route: priority ${rule.priority}, ${detour}; see "ip rule"`;
      report(subnet, "foreign-rule", reason);
    }
  }
  const lengths = lengthsOf(owners.keys());
  for (const route of widestFirst(foreign)) {
    for (const subnet of subnetsAround(route.dst, lengths)) {
      if (route.dst === subnet && !takesPrecedence(route)) continue;
      const reason = `a foreign route diverts packets for its subnet ${subnet}: ${describeForeignRoute(route)}; remove it if nothing needs it`;
      report(subnet, "foreign-route", reason);
    }
  }
  return [...found.values()];
}

/** Where the rule sends packets for a subnet, or some of them; null where it leaves them to the following rules. */
function diversion(
  { destination, routes, table }: ObservedRule,
  subnets: Iterable<Prefix>,
): (subnet: Prefix) => string | null {
  const matches = (subnet: Prefix) => destination === null || overlaps(destination, subnet);
  if (routes === null) return (subnet) => (matches(subnet) ? "which refuses them" : null);
  const byPrefix = new Map(routes.map((route) => [route.dst, route]));
  const inside = new Map<Prefix, PolicyRoute>();
  const lengths = lengthsOf(subnets);
  for (const route of routes) {
    if (isOurs(route)) continue;
    for (const subnet of subnetsAround(route.dst, lengths))
      if (subnet !== route.dst) inside.set(subnet, route);
  }
  return (subnet) => {
    if (!matches(subnet)) return null;
    const around = longestAround(subnet, byPrefix);
    const detour = around === null || isOurs(around) ? inside.get(subnet) : around;
    return detour === undefined ? null : `table ${table}, ${detour.dst} dev ${detour.iface ?? "(none)"}`;
  };
}

/** A copy of our route, or a throw route, which returns to the main table. */
function isOurs({ iface, isThrow }: PolicyRoute): boolean {
  return isThrow || (iface !== null && DEVICE_NAME.test(iface));
}

function longestAround(subnet: Prefix, byPrefix: ReadonlyMap<Prefix, PolicyRoute>): PolicyRoute | null {
  for (let length = prefixLength(subnet); length >= 0; length--) {
    const route = byPrefix.get(prefixOf(prefixAddress(subnet), length));
    if (route !== undefined) return route;
  }
  return null;
}

function lengthsOf(subnets: Iterable<Prefix>): readonly number[] {
  return [...new Set([...subnets].map(prefixLength))];
}

/** The prefixes of these lengths around the destination. Lengths of the other family add prefixes of no subnet. */
function subnetsAround(dst: Prefix, lengths: readonly number[]): readonly Prefix[] {
  return lengths
    .filter((length) => length <= prefixLength(dst))
    .map((length) => prefixOf(prefixAddress(dst), length));
}

function widestFirst(routes: readonly ObservedRoute[]): readonly ObservedRoute[] {
  return [...routes].sort((a, b) => prefixLength(a.dst) - prefixLength(b.dst));
}
