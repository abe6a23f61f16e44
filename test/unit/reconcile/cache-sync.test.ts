import { beforeEach, describe, expect, test } from "vitest";
import type { KernelChange } from "../../../src/kernel/kernel.ts";
import type { ObservedRoute, ObservedState } from "../../../src/kernel/observed.ts";
import { CacheSync } from "../../../src/kernel/reconcile/cache-sync.ts";
import { parseIp, parsePrefix } from "../../../src/net/index.ts";
import { peerMac } from "../../support/arbitrary-host.ts";
import { FakeKernel } from "../../support/fake-kernel.ts";

const route: ObservedRoute = {
  dst: parsePrefix("10.244.2.0/24"),
  via: parseIp("192.168.9.10"),
  iface: "eth0",
  onlink: false,
  protocol: 116,
  metric: 0,
  mtuBytes: null,
  source: null,
};
const covered = {
  isDevice: (iface: string) => iface === "flannel.1",
  isInvolved: (iface: string) => iface === "flannel.1" || iface === "eth0",
};

let kernel: FakeKernel;
let sync: CacheSync;
let changes: KernelChange[];

beforeEach(async () => {
  kernel = new FakeKernel();
  for (const name of ["eth0", "veth7", "flannel.1"]) kernel.addDevice(name);
  changes = [];
  await kernel.subscribe((change) => changes.push(change), new AbortController().signal);
  sync = new CacheSync(covered);
  await sync.refresh(() => kernel.observe());
  changes.length = 0;
});

/** Which of the notifications since the last call changed the cache. */
async function listen(): Promise<readonly boolean[]> {
  await Promise.resolve();
  return changes.splice(0).map((change) => sync.apply(change));
}

test("news of what is known already changes nothing", async () => {
  kernel.putObservedRoute(route);
  expect(await listen()).toEqual([true]);
  kernel.putObservedRoute({ ...route });
  expect(await listen()).toEqual([false]);
  expect(sync.cache.routes.size).toBe(1);
  expect(sync.isStale).toBe(false);
});

test("a route in the place of another replaces it, and late news of the former is ignored", () => {
  sync.apply({ kind: "route", gone: false, route });
  sync.expectAcknowledgements();
  const successor = { ...route, via: parseIp("192.168.9.11") };
  sync.acknowledge({ op: "put-route", route: { ...successor, iface: "eth0" } });
  expect(sync.apply({ kind: "route", gone: true, route })).toBe(false);
  expect([...sync.cache.routes.values()]).toEqual([successor]);
});

test("an acknowledgement that comes after the news that it was undone does not bring it back", () => {
  const operation = { op: "put-route", route: { ...route, iface: "eth0" } } as const;
  sync.expectAcknowledgements();
  sync.apply({ kind: "route", gone: false, route });
  sync.apply({ kind: "route", gone: true, route });
  sync.acknowledge(operation);
  expect(sync.cache.routes.size).toBe(0);
  sync.expectAcknowledgements();
  sync.acknowledge(operation);
  expect(sync.cache.routes.size).toBe(1);
});

test("an acknowledged MTU does not hide that somebody set another one since", async () => {
  const operation = { op: "set-link", name: "flannel.1", mtuBytes: 1450 } as const;
  sync.expectAcknowledgements();
  kernel.execute(operation);
  kernel.alterLink("flannel.1", (link) => ({ ...link, mtuBytes: 1300 }));
  await listen();
  sync.acknowledge(operation);
  expect(sync.cache.links.get("flannel.1")?.mtuBytes).toBe(1300);
  sync.expectAcknowledgements();
  sync.acknowledge(operation);
  expect(sync.cache.links.get("flannel.1")?.mtuBytes).toBe(1450);
});

test("routes that the kernel made stand side by side", () => {
  const connected = { ...route, via: null, protocol: 2 };
  sync.apply({ kind: "route", gone: false, route: connected });
  sync.apply({ kind: "route", gone: false, route: { ...connected, iface: "veth7" } });
  expect(sync.cache.routes.size).toBe(2);
});

describe("the cache is stale", () => {
  test.each([
    ["a device of ours goes down", () => kernel.alterLink("flannel.1", (link) => ({ ...link, isUp: false }))],
    ["the underlay goes down", () => kernel.alterLink("eth0", (link) => ({ ...link, isUp: false }))],
    ["a device of ours goes", () => kernel.execute({ op: "delete-link", name: "flannel.1" })],
    ["a MAC changes", () => kernel.execute({ op: "set-link", name: "flannel.1", mac: peerMac(3) })],
    ["notifications were lost", () => kernel.overrun()],
  ])("when %s", async (_, happen) => {
    happen();
    await listen();
    expect(sync.isStale).toBe(true);
  });

  test("when an address of the underlay goes", async () => {
    const address = { iface: "eth0", ip: parseIp("192.168.9.1"), length: 24 };
    kernel.execute({ op: "add-address", address });
    await listen();
    expect(sync.isStale).toBe(false);
    kernel.execute({ op: "delete-address", address });
    await listen();
    expect(sync.isStale).toBe(true);
  });

  test("but not when a pod comes and goes, or an MTU or the carrier changes", async () => {
    kernel.execute({ op: "delete-link", name: "veth7" });
    kernel.addDevice("veth8");
    kernel.alterLink("flannel.1", (link) => ({ ...link, mtuBytes: 1300, hasCarrier: false }));
    expect(await listen()).toEqual([true, true, true]);
    expect(sync.isStale).toBe(false);
  });
});

test("a device that was renamed is no longer there under its old name", async () => {
  const link = kernel.links.get("flannel.1");
  if (link === undefined) throw new Error("no device to rename");
  sync.apply({ kind: "link", gone: false, link: { ...link, name: "mine" } });
  expect([...sync.cache.links.keys()]).toEqual(["eth0", "veth7", "mine"]);
  expect(sync.isStale).toBe(true);
});

test("a late notification of a device says nothing about the one that replaced it", async () => {
  const former = kernel.links.get("flannel.1");
  if (former === undefined) throw new Error("no device");
  kernel.execute({ op: "delete-link", name: "flannel.1" });
  kernel.addDevice("flannel.1");
  await sync.refresh(() => kernel.observe());
  expect(sync.apply({ kind: "link", gone: true, link: former })).toBe(false);
  expect(sync.cache.links.has("flannel.1")).toBe(true);
});

test("what changes while a dump is read is not lost with it", async () => {
  const before = kernel.snapshot();
  const dump = deferred();
  const refreshed = sync.refresh(() => dump.promise);
  sync.apply({ kind: "route", gone: false, route });
  dump.resolve(before);
  await refreshed;
  expect([...sync.cache.routes.values()]).toEqual([route]);
});

test("an overrun while a dump is read leaves the cache stale", async () => {
  const dump = deferred();
  const refreshed = sync.refresh(() => dump.promise);
  sync.apply({ kind: "overrun" });
  dump.resolve(kernel.snapshot());
  await refreshed;
  expect(sync.isStale).toBe(true);
});

test("neighbours of other devices are passed over", () => {
  const entry = { iface: "eth0", ip: parseIp("192.168.9.2"), mac: peerMac(1), isPermanent: false };
  expect(sync.apply({ kind: "neighbour", gone: false, entry })).toBe(false);
  expect(sync.apply({ kind: "neighbour", gone: false, entry: { ...entry, iface: "flannel.1" } })).toBe(true);
});

test("with a device goes what was written for it", () => {
  const sysctl = { path: "net/ipv6/conf/flannel.1/accept_ra", value: "0" };
  sync.acknowledge({ op: "write-sysctl", sysctl });
  expect(sync.cache.sysctls.size).toBe(1);
  sync.acknowledge({ op: "delete-link", name: "flannel.1" });
  expect(sync.cache.sysctls.size).toBe(0);
});

function deferred() {
  let resolve: (observed: ObservedState) => void = () => {};
  const promise = new Promise<ObservedState>((settle) => {
    resolve = settle;
  });
  return { promise, resolve: (observed: ObservedState) => resolve(observed) };
}
