/** What each kind of object makes of a message: which ones it takes, and what it keeps of them. */
import { describe, expect, it } from "vitest";
import { nextHopsOf } from "../../../src/kernel/netlink/bare-next-hop.ts";
import { attributesOf } from "../../../src/kernel/netlink/body-writer.ts";
import { BLANK_LINK, type LinkMessage } from "../../../src/kernel/netlink/link.ts";
import { LinkTable } from "../../../src/kernel/netlink/link-table.ts";
import type { NeighbourMessage } from "../../../src/kernel/netlink/neighbour.ts";
import { blackholeKind } from "../../../src/kernel/objects/blackhole.ts";
import { fdbKind } from "../../../src/kernel/objects/fdb.ts";
import { linkKind } from "../../../src/kernel/objects/link.ts";
import { neighbourKind } from "../../../src/kernel/objects/neighbour.ts";
import { routeKind, routeMatches } from "../../../src/kernel/objects/route.ts";
import { KernelCache } from "../../../src/kernel/reconcile/kernel-cache.ts";
import type { RouteState } from "../../../src/kernel/state.ts";
import { parseIp, parseMac, parsePrefix } from "../../../src/net/index.ts";
import { routeMessage } from "../../support/route-message.ts";

const mac = parseMac("0e:52:a1:00:00:07");
const links = new LinkTable();
links.put({ ...BLANK_LINK, index: 2, name: "eth0" });
links.put({ ...BLANK_LINK, index: 5, name: "flannel.1", kind: "vxlan" });

describe("a device", () => {
  const decode = (fields: Partial<LinkMessage>) =>
    linkKind.decode({ ...BLANK_LINK, index: 2, name: "eth0", ...fields });

  it.each([
    [0, { isUp: false, hasCarrier: false, isLoopback: false }],
    [0x1, { isUp: true, hasCarrier: false, isLoopback: false }],
    [0x8, { isUp: false, hasCarrier: false, isLoopback: true }],
    [0x10000, { isUp: false, hasCarrier: true, isLoopback: false }],
    [0x10049, { isUp: true, hasCarrier: true, isLoopback: true }],
  ])("with flags %i is %o", (flags, state) => {
    expect(decode({ flags })).toMatchObject(state);
  });

  it("has an MTU of 0 where the kernel tells none", () => {
    expect(decode({})?.mtuBytes).toBe(0);
    expect(decode({ mtuBytes: 1500 })?.mtuBytes).toBe(1500);
  });

  it("is none without a name, nor in a bridge's message about its port", () => {
    expect(decode({ name: null })).toBeNull();
    expect(decode({ af: 7 })).toBeNull();
  });

  it.each([
    [[1, 0, 1], { kind: "tun", isPersistent: false, multiQueue: true }],
    [[1, 1, 0], { kind: "tun", isPersistent: true, multiQueue: false }],
    [[2, 1, 1], { kind: "tap" }],
  ])("of kind tun with type, persistence and queues %o is %o", ([type, persist, multiQueue], settings) => {
    const data = attributesOf((writer) =>
      writer
        .u8(3, type as number)
        .u8(6, persist as number)
        .u8(7, multiQueue as number),
    );
    expect(decode({ kind: "tun", data })).toMatchObject({ kind: settings.kind, settings });
  });

  it("of another kind keeps its data to itself", () => {
    expect(decode({ kind: "veth", data: Uint8Array.of(1, 2, 3) })).toMatchObject({
      kind: "veth",
      settings: null,
    });
    expect(() => decode({ kind: "vxlan", data: Uint8Array.of(1, 2, 3) })).toThrow(
      "decode link data of kind vxlan",
    );
  });

  it("is notified about only for its MTU", () => {
    const change = { op: "set-link", name: "eth0" } as const;
    expect(linkKind.notifiedKey({ ...change, mtuBytes: 1450 })).toBe("mtu eth0");
    expect(linkKind.notifiedKey({ ...change, up: true })).toBeNull();
    expect(linkKind.notifiedKey({ op: "delete-link", name: "eth0" })).toBeNull();
  });

  it("is described with all that changes", () => {
    const change = { op: "set-link", name: "eth0", mtuBytes: 1450, mac } as const;
    expect(linkKind.describe({ ...change, up: true })).toBe(`set link eth0 mtu 1450 address ${mac} up`);
    expect(linkKind.describe({ op: "set-link", name: "eth0", up: false })).toBe("set link eth0 down");
  });
});

describe("a neighbour", () => {
  const entry: NeighbourMessage = {
    af: 2,
    index: 5,
    state: 0x80,
    flags: 0,
    type: 1,
    ip: parseIp("10.244.3.0"),
    mac,
  };

  it.each([
    ["of IPv4", {}, { iface: "flannel.1", ip: "10.244.3.0", mac, isPermanent: true }],
    ["of IPv6", { af: 10, ip: parseIp("fd00::3") }, { ip: "fd00::3", isPermanent: true }],
    ["that was learned", { state: 0x02 }, { isPermanent: false }],
    ["that is incomplete", { state: 0x01, mac: null }, { mac: null, isPermanent: false }],
  ])("%s is observed", (_, fields, expected) => {
    expect(neighbourKind.decode({ ...entry, ...fields }, links)).toMatchObject(expected);
  });

  it.each([
    ["an FDB entry", { af: 7 }],
    ["of a device without peers", { index: 2 }],
    ["of an unknown device", { index: 9 }],
    ["without an address", { ip: null }],
    ["that needs no resolution", { state: 0xc0 }],
  ])("%s is none", (_, fields) => {
    expect(neighbourKind.decode({ ...entry, ...fields }, links)).toBeNull();
  });

  it("has the key of its address on its device", () => {
    const operation = {
      op: "put-neighbour",
      entry: { iface: "flannel.1", ip: parseIp("10.244.3.0"), mac },
    } as const;
    expect(neighbourKind.notifiedKey(operation)).toBe("neighbour flannel.1 10.244.3.0");
    expect(neighbourKind.encode(operation, 5 as never, 0 as never).type).toBe(28);
    expect(neighbourKind.encode({ ...operation, op: "delete-neighbour" }, 5 as never, 0 as never).type).toBe(
      29,
    );
  });
});

describe("an FDB entry", () => {
  const entry: NeighbourMessage = {
    af: 7,
    index: 5,
    state: 0x80,
    flags: 2,
    type: 0,
    ip: parseIp("192.0.2.3"),
    mac,
  };

  it("is a MAC and where it is", () => {
    const observed = { iface: "flannel.1", mac, remote: "192.0.2.3", isPermanent: true };
    expect(fdbKind.decode(entry, links)).toEqual(observed);
    expect(fdbKind.decode({ ...entry, state: 2, ip: null }, links)).toEqual({
      ...observed,
      remote: null,
      isPermanent: false,
    });
  });

  it.each([
    ["a neighbour", { af: 2 }],
    ["of the device's bridge", { flags: 0 }],
    ["of a device without peers", { index: 2 }],
    ["of an unknown device", { index: 9 }],
    ["without a MAC", { mac: null }],
  ])("%s is none", (_, fields) => {
    expect(fdbKind.decode({ ...entry, ...fields }, links)).toBeNull();
  });

  it("matches with its remote end, if permanent", () => {
    const want = { iface: "flannel.1", mac, remote: parseIp("192.0.2.3") };
    expect(fdbKind.matches(want, { ...want, isPermanent: true })).toBe(true);
    expect(fdbKind.matches(want, { ...want, isPermanent: false })).toBe(false);
    expect(fdbKind.matches(want, { ...want, remote: parseIp("192.0.2.4"), isPermanent: true })).toBe(false);
    expect(fdbKind.matches(want, undefined)).toBe(false);
    expect(fdbKind.notifiedKey({ op: "put-fdb", entry: want })).toBe(`fdb flannel.1 ${mac}`);
  });
});

describe("a route", () => {
  const message = routeMessage({ gateway: parseIp("10.244.3.0"), index: 5 });
  const observed = {
    dst: "10.244.3.0/24",
    via: "10.244.3.0",
    iface: "flannel.1",
    onlink: false,
    protocol: 3,
    metric: 0,
    mtuBytes: null,
    source: null,
  };

  it("is observed with its path", () => {
    expect(routeKind.decode(message, links)).toEqual(observed);
    const further = { metric: 100, mtuBytes: 1400, source: parseIp("192.0.2.1") };
    expect(routeKind.decode({ ...message, flags: 4, ...further }, links)).toEqual({
      ...observed,
      onlink: true,
      ...further,
    });
  });

  it.each([6, 7, 8])("that refuses, of type %i, has no path", (type) => {
    expect(routeKind.decode({ ...message, type, flags: 4 }, links)).toEqual({
      ...observed,
      via: null,
      iface: null,
    });
  });

  it.each([
    ["of another table", { table: 100 }],
    ["that is local", { type: 2 }],
    ["that is cached", { flags: 0x200 }],
    ["over an unknown device", { index: 9 }],
    ["over no device", { index: null }],
  ])("%s is none", (_, fields) => {
    expect(routeKind.decode({ ...message, ...fields }, links)).toBeNull();
  });

  it("with a bare next hop has that too", () => {
    const own = { index: 5, flags: 4, gateway: message.gateway };
    const bare = { index: 2, flags: 0, gateway: parseIp("192.0.2.3") };
    const multipath = { ...message, gateway: null, index: null };
    const decode = (of: typeof bare | { index: number; flags: number; gateway: null }) =>
      routeKind.decode({ ...multipath, nextHops: nextHopsOf({ own, bare: of }) }, links);
    const both = { ...observed, onlink: true };
    expect(decode(bare)).toEqual({ ...both, alsoFrom: { via: "192.0.2.3", iface: "eth0" } });
    expect(decode({ ...bare, index: 9 })).toEqual(both);
    expect(decode({ ...bare, gateway: null })).toEqual(both);
    const foreign = nextHopsOf({ own, bare }).slice(1);
    expect(routeKind.decode({ ...multipath, nextHops: foreign }, links)).toEqual({
      ...observed,
      via: null,
      iface: null,
    });
  });

  const want: RouteState = {
    dst: parsePrefix("10.244.3.0/24"),
    via: parseIp("10.244.3.0"),
    iface: "flannel.1",
    onlink: true,
    protocol: 3,
    mtuBytes: null,
    alsoFrom: { via: parseIp("192.0.2.3"), iface: "eth0" },
  };
  const have = { ...want, metric: 0, source: null };

  it.each([
    ["nothing", {}, true],
    ["its gateway", { via: parseIp("10.244.3.1") }, false],
    ["its device", { iface: "flannel.2" }, false],
    ["onlink", { onlink: false }, false],
    ["its protocol", { protocol: 4 }, false],
    ["its MTU", { mtuBytes: 1400 }, false],
    ["its source", { source: parseIp("192.0.2.1") }, false],
    ["the bare gateway", { alsoFrom: { via: parseIp("192.0.2.4"), iface: "eth0" } }, false],
    ["the bare device", { alsoFrom: { via: parseIp("192.0.2.3"), iface: "eth1" } }, false],
  ])("that differs in %s: %o, matches: %s", (_, difference, isMatch) => {
    expect(routeMatches(want, { ...have, ...difference })).toBe(isMatch);
  });

  it("has a key of its own where the kernel made it", () => {
    expect(routeKind.keyOfObserved(have)).toBe("10.244.3.0/24 0");
    for (const protocol of [2, 9])
      expect(routeKind.keyOfObserved({ ...have, protocol })).toBe("10.244.3.0/24 0 flannel.1 10.244.3.0");
    expect(routeKind.notifiedKey({ op: "put-route", route: want })).toBe("route 10.244.3.0/24 0");
    expect(routeKind.notifiedKey({ op: "delete-route", route: want, metric: 7 })).toBe(
      "route 10.244.3.0/24 7",
    );
    const v6 = { ...want, dst: parsePrefix("fd00:3::/64") };
    expect(routeKind.notifiedKey({ op: "put-route", route: v6 })).toBe("route fd00:3::/64 1024");
  });
});

it("a blackhole that was put is among the routes until it is deleted", () => {
  const cache = new KernelCache(() => true);
  const dst = parsePrefix("10.244.1.0/24");
  blackholeKind.acknowledge(cache, { op: "put-blackhole", dst });
  const [[key, route] = []] = cache.routes;
  expect(key).toBe(blackholeKind.keyOf(dst));
  expect(route).toEqual({
    dst,
    via: null,
    iface: null,
    onlink: false,
    protocol: 116,
    metric: 1_000_000,
    mtuBytes: null,
    source: null,
  });
  expect(blackholeKind.matches(dst, route)).toBe(true);
  expect(blackholeKind.notifiedKey({ op: "put-blackhole", dst })).toBe(`route ${key}`);
  blackholeKind.acknowledge(cache, { op: "delete-blackhole", dst });
  expect(cache.routes.size).toBe(0);
});
