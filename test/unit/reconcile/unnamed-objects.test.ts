import { expect, it } from "vitest";
import { indexDesired } from "../../../src/kernel/reconcile/desired-index.ts";
import { KernelCache } from "../../../src/kernel/reconcile/kernel-cache.ts";
import { DEVICE_NAME } from "../../../src/kernel/reconcile/ownership.ts";
import { unnamedObjects } from "../../../src/kernel/reconcile/unnamed-objects.ts";
import { parseIp, parsePrefix } from "../../../src/net/index.ts";
import { stateOfPeers } from "../../support/many-peers.ts";

const ownership = { networks: [parsePrefix("10.244.0.0/16")], deviceName: DEVICE_NAME };

function cacheOf(count: number): KernelCache {
  const { addresses, fdb, neighbours, routes } = stateOfPeers(count);
  const cache = new KernelCache(() => true);
  for (const [index, name] of ["eth0", "flannel.1"].entries()) {
    const settings = null;
    const state = { kind: name === "eth0" ? null : "vxlan", mac: null, mtuBytes: 1500, isUp: true, settings };
    const flags = { hasCarrier: true, isLoopback: false };
    cache.links.set(name, { index: (index + 2) as never, name, ...state, ...flags });
  }
  cache.load({
    links: [...cache.links.values()],
    addresses: addresses.map((address) => ({ ...address, isLinkLocal: false }) as never),
    fdb: fdb.map((entry) => ({ ...entry, isPermanent: true })),
    neighbours: neighbours.map((entry) => ({ ...entry, isPermanent: true })),
    routes: routes.map((route) => ({ ...route, metric: 0, source: null })),
  });
  return cache;
}
const unnamed = (count: number, cache: KernelCache) =>
  unnamedObjects({ desired: indexDesired(stateOfPeers(count)), cache, ownership, fixedLocal: new Set() });

it("finds nothing where all that is ours is desired", () => {
  expect(unnamed(20, cacheOf(20))).toEqual([]);
});

it("finds what is left of a peer, of each kind", () => {
  const found = unnamed(19, cacheOf(20));
  expect(found.map((text) => text.split(" ")[0])).toEqual(["route", "neighbour", "fdb"]);
});

it("does not count what is not ours", () => {
  const cache = cacheOf(20);
  const route = { iface: "eth0", onlink: false, protocol: 4, mtuBytes: null, metric: 7, source: null };
  cache.routes.set("10.244.99.0/24 7", { ...route, dst: parsePrefix("10.244.99.0/24"), via: null });
  cache.routes.set("192.0.2.0/24 0", {
    ...route,
    dst: parsePrefix("192.0.2.0/24"),
    via: null,
    protocol: 116,
  });
  cache.neighbours.set("flannel.1 10.244.200.1", {
    ...{ iface: "flannel.1", ip: parseIp("10.244.200.1"), mac: null, isPermanent: false },
  });
  expect(unnamed(20, cache)).toEqual([]);
});
