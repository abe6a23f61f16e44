import { describe, expect, test } from "vitest";
import type { IpipLink, IpipSettings } from "../../../src/kernel/objects/ipip.ts";
import { changesInPlace, isCompatible } from "../../../src/kernel/objects/link.ts";
import type { InterfaceIndex, ObservedLink } from "../../../src/kernel/observed.ts";
import type { TunLink, VxlanLink } from "../../../src/kernel/state.ts";
import { parseIp, parseIpv4 } from "../../../src/net/index.ts";
import { peerMac } from "../../support/arbitrary-host.ts";

const want: VxlanLink = {
  kind: "vxlan",
  name: "flannel.1",
  mac: peerMac(1),
  mtuBytes: 1450,
  vni: 1,
  parent: "eth0",
  local: parseIp("192.168.9.1"),
  port: null,
  learning: false,
  gbp: false,
};
const settings = {
  kind: "vxlan",
  vni: 1,
  parentIndex: 2 as InterfaceIndex,
  local: parseIp("192.168.9.1"),
  group: null,
  port: 8472,
  learning: false,
  gbp: false,
  l2miss: false,
} as const;
const have: ObservedLink = {
  index: 5 as InterfaceIndex,
  name: "flannel.1",
  kind: "vxlan",
  mac: peerMac(1),
  mtuBytes: 1450,
  isUp: true,
  hasCarrier: true,
  isLoopback: false,
  settings,
};
const eth0: ObservedLink = { ...have, index: 2 as InterfaceIndex, name: "eth0", kind: null, settings: null };
const context = { links: new Map([["eth0", eth0]]), fixedLocal: new Set<string>() };

test.each([
  ["nothing", {}, true],
  ["the network identifier", { vni: 2 }, false],
  ["the port", { port: 4789 }, false],
  ["the parent", { parentIndex: 3 as InterfaceIndex }, false],
  ["a parent that the kernel does not tell", { parentIndex: null }, true],
  ["a multicast group", { group: parseIp("239.1.1.1") }, false],
  ["l2miss", { l2miss: true }, false],
  ["the group policy extension", { gbp: true }, false],
  ["learning", { learning: true }, true],
  ["the local address", { local: parseIp("192.168.9.2") }, true],
  ["a local address of the other family", { local: parseIp("fd09::1") }, false],
])("a device that differs in %s: %o, can serve: %s", (_, difference, canServe) => {
  expect(isCompatible(want, { ...have, settings: { ...settings, ...difference } }, context)).toBe(canServe);
});

test("a port that is left to the kernel is 8472", () => {
  expect(isCompatible({ ...want, port: 8472 }, have, context)).toBe(true);
  expect(isCompatible({ ...want, port: 4789 }, have, context)).toBe(false);
});

test("another kind of device cannot serve", () => {
  expect(isCompatible(want, { ...have, kind: "bridge", settings: null }, context)).toBe(false);
});

test("a parent that is gone is no reason to give the device up", () => {
  expect(isCompatible(want, have, { ...context, links: new Map() })).toBe(true);
});

test("where the kernel refused another local address, only another device can have it", () => {
  const moved = { ...want, local: parseIp("192.168.9.2") };
  expect(isCompatible(moved, have, { ...context, fixedLocal: new Set(["flannel.1"]) })).toBe(false);
  expect(isCompatible(want, have, { ...context, fixedLocal: new Set(["flannel.1"]) })).toBe(true);
});

test("each difference is a change of its own", () => {
  const local = parseIp("192.168.9.2");
  const other = { ...want, mtuBytes: 1400, mac: peerMac(2), learning: true, local };
  expect(changesInPlace(other, have)).toEqual([
    { op: "set-link", name: "flannel.1", mtuBytes: 1400 },
    { op: "set-link", name: "flannel.1", mac: peerMac(2) },
    { op: "set-link", name: "flannel.1", settings: { kind: "vxlan", learning: true } },
    { op: "set-link", name: "flannel.1", settings: { kind: "vxlan", local } },
  ]);
  expect(changesInPlace(want, have)).toEqual([]);
});

test("a TUN device serves when it goes with its owner and has several queues", () => {
  const tun: TunLink = { kind: "tun", name: "flannel0", mtuBytes: 1472 };
  const tunWith = (of: { isPersistent: boolean; multiQueue: boolean }) => ({
    ...have,
    kind: "tun",
    settings: { kind: "tun", ...of } as const,
  });
  const there = tunWith({ isPersistent: false, multiQueue: true });
  expect(isCompatible(tun, there, context)).toBe(true);
  expect(isCompatible(tun, tunWith({ isPersistent: true, multiQueue: true }), context)).toBe(false);
  expect(isCompatible(tun, tunWith({ isPersistent: false, multiQueue: false }), context)).toBe(false);
  expect(isCompatible(tun, have, context)).toBe(false);
  expect(changesInPlace(tun, there)).toEqual([{ op: "set-link", name: "flannel0", mtuBytes: 1472 }]);
});

describe("an ipip device", () => {
  const PLAIN = { ttl: 0, tos: 0, pathMtuDiscovery: 0, encapType: 0 };
  const local = parseIpv4("192.168.9.1");
  const ipip: IpipLink = { kind: "ipip", name: "flannel.ipip", mtuBytes: 1480, local };
  const ipipWith = (difference: Partial<IpipSettings>): ObservedLink => ({
    ...{ ...have, name: "flannel.ipip", kind: "ipip", mac: null, mtuBytes: 1480 },
    settings: { kind: "ipip", local, remote: null, isExternal: false, ...PLAIN, ...difference },
  });
  const other = parseIp("192.168.9.2");
  const change = { op: "set-link", name: "flannel.ipip", settings: { kind: "ipip", local, ...PLAIN } };

  test.each([
    ["nothing", {}, true],
    ["the local address", { local: other }, true],
    ["a remote end", { remote: other }, false],
    ["UDP around its packets", { encapType: 1 }, true],
    ["being external", { isExternal: true }, false],
  ])("that differs in %s: %o, can serve: %s", (_, difference, canServe) => {
    expect(isCompatible(ipip, ipipWith(difference), context)).toBe(canServe);
  });

  test("takes another local address and MTU in place", () => {
    const moved = { ...ipipWith({ local: null }), mtuBytes: 1500 };
    expect(changesInPlace(ipip, moved)).toEqual([
      { op: "set-link", name: "flannel.ipip", mtuBytes: 1480 },
      change,
    ]);
    expect(changesInPlace(ipip, ipipWith({}))).toEqual([]);
  });

  test.each<Partial<IpipSettings>>([{ ttl: 3 }, { tos: 1 }, { pathMtuDiscovery: 1 }, { encapType: 1 }])(
    "takes flannel's options in place of %o",
    (difference) => {
      expect(changesInPlace(ipip, ipipWith(difference))).toEqual([change]);
    },
  );

  test("is made anew where the kernel refused another local address", () => {
    const refused = { ...context, fixedLocal: new Set(["flannel.ipip"]) };
    expect(isCompatible(ipip, ipipWith({ local: other }), refused)).toBe(false);
  });
});
