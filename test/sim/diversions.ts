/** Routes and rules of other programs that take packets for a peer off our route, as a VPN or another network plugin does. */
import type { ObservedRule, PolicyRoute } from "../../src/kernel/observed.ts";
import {
  type Family,
  familyOf,
  type Ip,
  type Prefix,
  prefixAddress,
  prefixFamily,
  prefixLength,
  prefixOf,
} from "../../src/net/index.ts";
import type { FakeKernel } from "../support/fake-kernel.ts";
import { contains, lengthOf } from "./ip-ranges.ts";

export const DIVERSIONS = [
  "route within its subnet",
  "route to its subnet",
  "rule that refuses",
  "rule with a default route",
  "rule with a part of its subnet",
  "rule that copies our routes",
  "rule that throws back",
  "rule for other sources",
  "rule for other destinations",
] as const;
export type Diversion = (typeof DIVERSIONS)[number];

const PRIORITY = 900;
const TABLE = 900;
const ELSEWHERE = "wg0";

/** @returns a function that removes it */
export function divert(kernel: FakeKernel, what: Diversion, subnet: Prefix, own: Prefix): () => void {
  if (what.startsWith("route ")) return divertByRoute(kernel, what, subnet);
  const rule = ruleOf(what, subnet, own);
  kernel.putRules([...kernel.rules.filter(({ priority }) => priority !== PRIORITY), rule]);
  return () => kernel.putRules(kernel.rules.filter((each) => each !== rule));
}

function divertByRoute(kernel: FakeKernel, what: Diversion, subnet: Prefix): () => void {
  const isWithin = what === "route within its subnet";
  const dst = isWithin ? prefixOf(prefixAddress(subnet), prefixLength(subnet) + 1) : subnet;
  const metric = prefixFamily(subnet) === "v4" ? 0 : 1;
  const fields = { via: null, iface: ELSEWHERE, onlink: false, mtuBytes: null, source: null };
  const route = { ...fields, dst, protocol: 4, metric };
  if (!kernel.links.has(ELSEWHERE)) kernel.addDevice(ELSEWHERE, { kind: "wireguard" });
  kernel.putObservedRoute(route);
  return () => void kernel.execute({ op: "delete-route", route, metric });
}

function ruleOf(what: Diversion, subnet: Prefix, own: Prefix): ObservedRule {
  const family: Family = prefixFamily(subnet);
  const all = prefixOf(prefixAddress(subnet), 0);
  const any = { family, priority: PRIORITY, table: TABLE, source: null, destination: null };
  const to = (dst: Prefix, iface: string | null, isThrow = false): PolicyRoute => ({ dst, iface, isThrow });
  const part = prefixOf(prefixAddress(subnet), prefixLength(subnet) + 1);
  switch (what) {
    case "rule that refuses":
      return { ...any, table: null, source: own, destination: subnet, routes: null };
    case "rule with a default route":
      return { ...any, source: own, routes: [to(all, null)] };
    case "rule with a part of its subnet":
      return { ...any, destination: subnet, routes: [to(subnet, "flannel.1"), to(part, ELSEWHERE)] };
    case "rule that copies our routes":
      return { ...any, routes: [to(subnet, "flannel.1")] };
    case "rule for other sources":
      return { ...any, source: subnet, routes: [to(all, ELSEWHERE)] };
    case "rule for other destinations":
      return { ...any, table: null, destination: own, routes: null };
    default:
      return { ...any, routes: [to(all, ELSEWHERE), to(subnet, null, true)] };
  }
}

/** The rule that takes the packet before the main table does; null when none does. */
export function ruleFor({ rules }: FakeKernel, source: Ip, destination: Ip): ObservedRule | null {
  // It is asked for each packet, and most hosts have no rules.
  if (rules.length === 0) return null;
  for (const rule of [...rules].sort((a, b) => a.priority - b.priority)) {
    if (rule.family !== familyOf(source)) continue;
    if (rule.source !== null && !contains(rule.source, source)) continue;
    if (rule.destination !== null && !contains(rule.destination, destination)) continue;
    if (rule.routes === null) return rule;
    const route = longest(rule.routes, destination);
    // A copy of our route leads where ours does.
    if (route !== null && !route.isThrow && route.iface !== "flannel.1") return rule;
  }
  return null;
}

function longest(routes: readonly PolicyRoute[], destination: Ip): PolicyRoute | null {
  const matching = routes.filter(({ dst }) => contains(dst, destination));
  return matching.sort((a, b) => lengthOf(b.dst) - lengthOf(a.dst))[0] ?? null;
}
