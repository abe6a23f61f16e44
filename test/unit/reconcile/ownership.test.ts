import { describe, expect, test } from "vitest";
import { isOwnBlackhole } from "../../../src/kernel/objects/blackhole.ts";
import { ownDevices } from "../../../src/kernel/objects/link.ts";
import { isOwnRoute } from "../../../src/kernel/objects/route.ts";
import type { ObservedAddress, ObservedLink, ObservedRoute } from "../../../src/kernel/observed.ts";
import { parseIp, parsePrefix } from "../../../src/net/index.ts";
import { hostOf, OWN } from "../../support/arbitrary-host.ts";
import { observedRoute } from "../../support/fake-kernel.ts";

function hostWith(name: string, ip: string | null, kind: "vxlan" | "tun" | "ipip" | "bridge") {
  const kernel = hostOf(null, []);
  kernel.addDevice(name, { kind });
  if (ip !== null) {
    kernel.execute({ op: "add-address", address: { iface: name, ip: parseIp(ip), length: 32 } });
  }
  const observed = kernel.snapshot();
  return {
    links: new Map<string, ObservedLink>(observed.links.map((link) => [link.name, link])),
    addresses: new Map<string, ObservedAddress>(observed.addresses.map((a, i) => [String(i), a])),
    created: new Set<string>(),
  };
}

describe("a device is ours", () => {
  test.each([
    ["flannel.1", "10.244.1.0", "vxlan", true, "name, kind and an address in our network"],
    ["flannel0", "10.244.1.0", "tun", true, "the TUN device too"],
    ["flannel.ipip", "10.244.1.0", "ipip", true, "the ipip device too"],
    ["flannel.1", null, "vxlan", false, "a name alone proves nothing"],
    ["flannel.1", "10.99.1.0", "vxlan", false, "another cluster's network"],
    ["flannel.1", "10.244.1.0", "bridge", false, "somebody's bridge of that name"],
    ["vxlan.calico", "10.244.1.0", "vxlan", false, "another name"],
    ["flannel.1x", "10.244.1.0", "vxlan", false, "not quite the name"],
  ] as const)("%s with %s of kind %s: %s (%s)", (name, ip, kind, isOwn, _reason) => {
    expect(ownDevices(OWN, new Map(), hostWith(name, ip, kind)).has(name)).toBe(isOwn);
  });

  test("when it is desired, whatever it looks like", () => {
    expect([...ownDevices(OWN, new Map([["eth7", {}]]), hostWith("eth7", null, "bridge"))]).toEqual(["eth7"]);
  });

  test("when this process made it, before it has an address", () => {
    const host = { ...hostWith("flannel.2", null, "vxlan"), created: new Set(["flannel.2"]) };
    expect([...ownDevices(OWN, new Map(), host)]).toEqual(["flannel.2"]);
  });
});

describe("a route is ours", () => {
  const devices = new Set(["flannel.1"]);
  const route = (dst: string, iface: string | null, protocol: number): ObservedRoute => ({
    ...observedRoute({
      ...{ dst: parsePrefix(dst), via: null, iface: "", onlink: false, protocol, mtuBytes: null },
    }),
    iface,
  });
  test.each([
    ["10.244.2.0/24", "flannel.1", 3, true, "flannel's, on a device of ours"],
    ["10.244.2.0/24", "eth0", 116, true, "our protocol number"],
    ["10.244.0.0/16", "flannel.1", 3, true, "the whole network, as the udp backend has it"],
    ["fd00:10:244:2::/64", "eth0", 116, true, "IPv6"],
    ["10.244.2.0/24", "eth0", 3, false, "somebody's, on somebody's device"],
    ["10.244.1.0/24", "flannel.1", 2, false, "the kernel's own"],
    ["10.50.0.0/16", "flannel.1", 116, false, "outside our networks"],
    ["10.0.0.0/8", "flannel.1", 3, false, "wider than our network"],
    ["10.244.2.0/24", null, 116, false, "a blackhole"],
  ] as const)("%s dev %s proto %d: %s (%s)", (dst, iface, protocol, isOwn, _reason) => {
    expect(isOwnRoute(OWN, devices, route(dst, iface, protocol))).toBe(isOwn);
  });
});

describe("a blackhole is ours", () => {
  const route = (dst: string, changes: Partial<ObservedRoute>): ObservedRoute => ({
    ...{ dst: parsePrefix(dst), via: null, iface: null, onlink: false, mtuBytes: null, source: null },
    ...{ protocol: 116, metric: 1_000_000 },
    ...changes,
  });
  test.each([
    ["10.244.1.0/24", {}, true, "as we make it"],
    ["fd00:10:244:1::/64", {}, true, "IPv6"],
    ["10.50.0.0/16", {}, false, "outside our networks"],
    ["10.244.1.0/24", { protocol: 3 }, false, "an operator's"],
    ["10.244.1.0/24", { metric: 0 }, false, "in another place"],
    ["10.244.1.0/24", { iface: "eth0" }, false, "a route to somewhere"],
  ] as const)("%s with %o: %s (%s)", (dst, changes, isOwn, _reason) => {
    expect(isOwnBlackhole(OWN, route(dst, changes))).toBe(isOwn);
  });
});
