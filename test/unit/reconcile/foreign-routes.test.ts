import { describe, expect, test } from "vitest";
import { describeOperation } from "../../../src/kernel/objects/operation-kinds.ts";
import type { ObservedRoute } from "../../../src/kernel/observed.ts";
import { indexDesired } from "../../../src/kernel/reconcile/desired-index.ts";
import { findForeignRoutes } from "../../../src/kernel/reconcile/foreign-routes.ts";
import { KernelCache } from "../../../src/kernel/reconcile/kernel-cache.ts";
import { planOperations } from "../../../src/kernel/reconcile/plan.ts";
import { parseIp, parsePrefix } from "../../../src/net/index.ts";
import { hostOf, ONE_PEER, OWN, stateOf, type Wish } from "../../support/arbitrary-host.ts";

const OURS = "put route 10.244.2.0/24 via 10.244.2.0 dev flannel.1";

function route(over: Partial<ObservedRoute>): ObservedRoute {
  const dst = parsePrefix("10.244.2.0/24");
  const common = { onlink: false, mtuBytes: null, source: null };
  return { ...common, dst, via: null, iface: "cni0", protocol: 2, metric: 0, ...over };
}

/** What is done about routes on a host that has this one, before and after the daemon has made its own. */
function routesDone(foreign: ObservedRoute, isRunning = false, wish = ONE_PEER): readonly string[] {
  const observed = hostOf(isRunning ? wish : null, []).snapshot();
  const host = { ...observed, routes: [...observed.routes, foreign] };
  return planOperations(stateOf(wish), host, OWN)
    .map(describeOperation)
    .filter((line) => line.includes(" route "));
}

describe("a route of others to a peer's subnet stays, and ours is not made", () => {
  test.each<[string, Partial<ObservedRoute>]>([
    ["of the bridge's address", { source: parseIp("10.244.2.1") }],
    ["of a link's address, as NetworkManager ranks it", { iface: "eth1", metric: 100 }],
    ["of an administrator", { via: parseIp("192.168.9.77"), iface: "eth0", protocol: 4 }],
    [
      "of an administrator who named no protocol",
      { via: parseIp("192.168.9.77"), iface: "eth0", protocol: 3 },
    ],
    ["of another daemon, which drops", { iface: null, protocol: 12 }],
  ])("%s", (_what, over) => {
    expect(routesDone(route(over))).toEqual([]);
  });

  test.each(["tunnel", "direct"] as const)(
    "of an administrator, by way of a router whose address another peer publishes (%s)",
    (path) => {
      const wish: Wish = { ...ONE_PEER, paths: ["tunnel", path, "none", "none"] };
      const byRouter = route({ via: parseIp("192.168.9.11"), iface: "eth0", protocol: 3 });
      expect(routesDone(byRouter, false, wish)).not.toContain(OURS);
    },
  );

  test("ours gives way to the address of a bridge that comes later", () => {
    expect(routesDone(route({}), true)).toEqual(["delete route 10.244.2.0/24 via 10.244.2.0 dev flannel.1"]);
  });
});

test("one to a part of a peer's subnet is no leftover of flannel's, even by way of that peer", () => {
  const part = {
    dst: parsePrefix("10.244.2.128/25"),
    via: parseIp("192.168.9.10"),
    iface: "eth0",
    protocol: 3,
  };
  const stale = { ...part, dst: parsePrefix("10.244.9.0/24") };
  const cache = new KernelCache(() => true);
  const host = hostOf(ONE_PEER, []).snapshot();
  cache.load({ ...host, routes: [...host.routes, route(part), route(stale)] });
  const { routes } = findForeignRoutes(indexDesired(stateOf(ONE_PEER)), cache, OWN, new Set());
  const found = new Set<string>(routes.map(({ dst }) => dst));
  expect([found.has(part.dst), found.has(stale.dst)]).toEqual([true, false]);
});

describe("ours is made all the same", () => {
  test.each<[string, Partial<ObservedRoute>]>([
    [
      "in place of flannel's through its device",
      { via: parseIp("10.244.2.0"), iface: "flannel.7", protocol: 3 },
    ],
    [
      "in place of flannel's to the peer itself",
      { via: parseIp("192.168.9.10"), iface: "eth0", protocol: 3 },
    ],
    ["in place of the last daemon's", { via: parseIp("192.168.9.99"), iface: "eth0", protocol: 116 }],
    [
      "before another way that stands behind it",
      { via: parseIp("192.168.9.77"), iface: "eth0", protocol: 12, metric: 32 },
    ],
    ["before a safety net that drops what nobody serves", { iface: null, protocol: 4, metric: 4000 }],
    ["beside one to a part of it", { dst: parsePrefix("10.244.2.64/26"), iface: null, protocol: 12 }],
  ])("%s", (_what, over) => {
    expect(routesDone(route(over))).toContain(OURS);
  });
});
