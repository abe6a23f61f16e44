import { beforeEach, describe, expect, it } from "vitest";
import { type AddressMessage, encodeAddress } from "../../../src/kernel/netlink/address.ts";
import { attributesOf } from "../../../src/kernel/netlink/body-writer.ts";
import { ChangeReader } from "../../../src/kernel/netlink/change-reader.ts";
import { BLANK_LINK, encodeLink, type LinkMessage } from "../../../src/kernel/netlink/link.ts";
import { encodeNeighbour, type NeighbourMessage } from "../../../src/kernel/netlink/neighbour.ts";
import { encodeRoute, type RouteMessage } from "../../../src/kernel/netlink/route.ts";
import { vxlan } from "../../../src/kernel/objects/vxlan.ts";
import type { InterfaceIndex } from "../../../src/kernel/observed.ts";
import { parseIp, parseMac, parsePrefix } from "../../../src/net/index.ts";
import { FLANNEL_LINK } from "../../support/flannel-samples.ts";

const [NEWLINK, DELLINK, NEWADDR, DELADDR, NEWROUTE, DELROUTE, NEWNEIGH, DELNEIGH] = [
  16, 17, 20, 21, 24, 25, 28, 29,
] as const;
const ETH0 = 2 as InterfaceIndex;
const FLANNEL = 5;

const eth0: LinkMessage = { ...BLANK_LINK, index: ETH0, name: "eth0", mtuBytes: 1500, flags: 0x10001 };
const flannel: LinkMessage = {
  ...BLANK_LINK,
  index: FLANNEL,
  name: "flannel.1",
  kind: "vxlan",
  mac: parseMac("0e:52:a1:00:00:07"),
  mtuBytes: 1450,
  flags: 1,
  data: vxlan.encode({ ...FLANNEL_LINK, port: 8472 }, ETH0),
};
const address: AddressMessage = {
  family: "v4",
  length: 32,
  scope: 0,
  index: FLANNEL,
  flags: 0x80,
  ip: parseIp("10.244.1.0"),
  remote: null,
};
const route: RouteMessage = {
  dst: parsePrefix("10.244.3.0/24"),
  table: 254,
  protocol: 3,
  scope: 0,
  type: 1,
  flags: 4,
  gateway: parseIp("10.244.3.0"),
  index: FLANNEL,
  metric: null,
  source: null,
  mtuBytes: null,
  nextHops: null,
};
const neighbour: NeighbourMessage = {
  af: 2,
  index: FLANNEL,
  state: 0x80,
  flags: 0,
  type: 1,
  ip: parseIp("10.244.3.0"),
  mac: parseMac("0e:00:00:00:00:03"),
};
const fdb: NeighbourMessage = { ...neighbour, af: 7, flags: 2, type: 0, ip: parseIp("192.0.2.3") };

let reader: ChangeReader;
const read = (type: number, body: Uint8Array) => reader.read({ type, flags: 0, sequence: 0, body });

beforeEach(() => {
  reader = new ChangeReader();
  reader.relist([eth0, flannel]);
});

describe("rules", () => {
  const [NEWRULE, DELRULE] = [32, 33];
  const rule = Uint8Array.of(2, 0, 0, 0, 51, 0, 0, 1, 0, 0, 0, 0);

  it("are told without what they say, which those before them decide", () => {
    expect(read(NEWRULE, rule)).toEqual({ kind: "rules", table: null });
    expect(read(DELRULE, rule)).toEqual({ kind: "rules", table: null });
    expect(read(NEWRULE, Uint8Array.of(129, ...rule.slice(1)))).toBeNull();
  });

  it("may lead to any table, so routes of other tables are told as a change of theirs", () => {
    expect(read(NEWROUTE, encodeRoute({ ...route, table: 51 }))).toEqual({ kind: "rules", table: 51 });
    expect(read(DELROUTE, encodeRoute({ ...route, table: 1051 }))).toEqual({ kind: "rules", table: 1051 });
    expect(read(NEWROUTE, encodeRoute({ ...route, table: 255 }))).toBeNull();
  });
});

describe("routes that refuse", () => {
  it.each([6, 7, 8])("of type %i are told", (type) => {
    const refusing = { ...route, type, gateway: null, index: null, protocol: 12 };
    expect(read(NEWROUTE, encodeRoute(refusing))).toMatchObject({
      kind: "route",
      route: { dst: "10.244.3.0/24", iface: null, protocol: 12 },
    });
  });
});

describe("links", () => {
  it("are told with what a VXLAN device is made of", () => {
    expect(read(NEWLINK, encodeLink(flannel))).toEqual({
      kind: "link",
      gone: false,
      link: {
        index: FLANNEL,
        name: "flannel.1",
        kind: "vxlan",
        mac: "0e:52:a1:00:00:07",
        mtuBytes: 1450,
        isUp: true,
        hasCarrier: false,
        isLoopback: false,
        settings: {
          kind: "vxlan",
          vni: 1,
          parentIndex: ETH0,
          local: "192.0.2.1",
          group: null,
          port: 8472,
          learning: false,
          gbp: false,
          l2miss: false,
        },
      },
    });
  });

  it("are told when they go", () => {
    expect(read(DELLINK, encodeLink(eth0))).toMatchObject({ kind: "link", gone: true });
  });

  it("of a TUN device say whether it persists; a TAP device is no TUN", () => {
    // IFLA_TUN_TYPE, IFLA_TUN_PERSIST and IFLA_TUN_MULTI_QUEUE.
    const dataOf = (type: number) => attributesOf((data) => data.u8(3, type).u8(6, 1).u8(7, 0));
    const tun = { ...eth0, kind: "tun", data: dataOf(1) };
    expect(read(NEWLINK, encodeLink(tun))).toMatchObject({
      link: { kind: "tun", settings: { isPersistent: true, multiQueue: false } },
    });
    expect(read(NEWLINK, encodeLink({ ...tun, data: dataOf(2) }))).toMatchObject({
      link: { kind: "tap", settings: { kind: "tap" } },
    });
  });

  it("do not go when a port leaves its bridge (RTM_DELLINK of family AF_BRIDGE)", () => {
    expect(read(DELLINK, encodeLink({ ...flannel, af: 7 }))).toBeNull();
    expect(read(NEWNEIGH, encodeNeighbour(fdb))).not.toBeNull();
  });

  it("lend their names to what comes after them", () => {
    read(NEWLINK, encodeLink({ ...flannel, index: 9, name: "flannel.2" }));
    expect(read(NEWROUTE, encodeRoute({ ...route, index: 9 }))).toMatchObject({
      route: { iface: "flannel.2" },
    });
    read(NEWLINK, encodeLink({ ...flannel, index: 9, name: "renamed" }));
    expect(read(NEWROUTE, encodeRoute({ ...route, index: 9 }))).toMatchObject({
      route: { iface: "renamed" },
    });
    read(DELLINK, encodeLink({ ...flannel, index: 9, name: "renamed" }));
    expect(read(DELROUTE, encodeRoute({ ...route, index: 9 }))).toBeNull();
  });
});

describe("addresses", () => {
  it("are told", () => {
    expect(read(NEWADDR, encodeAddress(address))).toEqual({
      kind: "address",
      gone: false,
      address: {
        iface: "flannel.1",
        ip: "10.244.1.0",
        length: 32,
        isLinkLocal: false,
        isPermanent: true,
        isTemporary: false,
        isSecondary: false,
        isDeprecated: false,
        isTentative: false,
      },
    });
    expect(read(DELADDR, encodeAddress(address))).toMatchObject({ gone: true });
  });

  it("keep IPv4's secondary and IPv6's temporary apart, which share a bit", () => {
    const v6 = { ...address, family: "v6" as const, ip: parseIp("fd00::1"), flags: 0x61 };
    expect(read(NEWADDR, encodeAddress({ ...address, flags: 0x01 }))).toMatchObject({
      address: { isTemporary: false, isSecondary: true },
    });
    expect(read(NEWADDR, encodeAddress(v6))).toMatchObject({
      address: {
        isTemporary: true,
        isSecondary: false,
        isDeprecated: true,
        isTentative: true,
        isPermanent: false,
      },
    });
  });

  it.each([
    ["169.254.1.1", true],
    ["169.253.1.1", false],
    ["fe80::1", true],
    ["febf::1", true],
    ["fec0::1", false],
  ])("tell link-local ones: %s", (text, isLinkLocal) => {
    const ip = parseIp(text);
    const family = text.includes(":") ? ("v6" as const) : ("v4" as const);
    expect(read(NEWADDR, encodeAddress({ ...address, family, ip }))).toMatchObject({
      address: { isLinkLocal },
    });
  });

  it("of a point-to-point link are this end's", () => {
    const remote = parseIp("10.0.0.2");
    expect(read(NEWADDR, encodeAddress({ ...address, remote }))).toMatchObject({
      address: { ip: "10.244.1.0" },
    });
  });
});

describe("routes", () => {
  it("are told", () => {
    expect(read(NEWROUTE, encodeRoute({ ...route, metric: 50, mtuBytes: 1400 }))).toEqual({
      kind: "route",
      gone: false,
      route: {
        dst: "10.244.3.0/24",
        via: "10.244.3.0",
        iface: "flannel.1",
        onlink: true,
        protocol: 3,
        metric: 50,
        mtuBytes: 1400,
        source: null,
      },
    });
  });

  it("of a way of their own and a bare one have both", () => {
    const { gateway } = route;
    const own = { index: FLANNEL, flags: 4, weight: 256, gateway };
    const bare = { index: ETH0, flags: 0, weight: 1, gateway: parseIp("192.0.2.3") };
    const seen = (nextHops: RouteMessage["nextHops"]) =>
      read(NEWROUTE, encodeRoute({ ...route, index: null, gateway: null, flags: 0, nextHops }));
    const hops = [...Array.from({ length: 16 }, () => own), bare];
    expect(seen(hops)).toMatchObject({
      route: {
        iface: "flannel.1",
        via: gateway,
        onlink: true,
        alsoFrom: { iface: "eth0", via: "192.0.2.3" },
      },
    });
    for (const others of [
      hops.slice(1),
      [...hops.slice(0, -1), { ...bare, weight: 2 }],
      [...hops.slice(1), bare],
      [],
    ]) {
      expect(seen(others)).toMatchObject({ route: { iface: null, via: null } });
    }
  });

  it("of several ways and of none have no device", () => {
    const nextHops = [ETH0, FLANNEL].map((index) => ({ index, flags: 0, weight: 1, gateway: route.gateway }));
    const several = { ...route, index: null, gateway: null, nextHops };
    expect(read(NEWROUTE, encodeRoute(several))).toMatchObject({ route: { iface: null, via: null } });
    const blackhole = { ...route, type: 6, index: null, gateway: null, flags: 0 };
    expect(read(NEWROUTE, encodeRoute(blackhole))).toMatchObject({ route: { iface: null, onlink: false } });
  });

  it.each([
    ["of another table", { table: 255 }],
    ["local", { type: 2 }],
    ["broadcast", { type: 3 }],
    ["multicast", { type: 5 }],
    ["cached", { flags: 0x200 }],
    ["on a device that is not known", { index: 77 }],
  ])("are left out: %s", (_, difference) => {
    expect(read(NEWROUTE, encodeRoute({ ...route, ...difference }))).toBeNull();
  });

  it("of families that are not IP are left out", () => {
    const body = encodeRoute(route);
    body[0] = 28; // AF_MPLS
    expect(read(NEWROUTE, body)).toBeNull();
  });
});

describe("neighbours and forwarding entries", () => {
  it("are told, each as what it is", () => {
    expect(read(NEWNEIGH, encodeNeighbour(neighbour))).toEqual({
      kind: "neighbour",
      gone: false,
      entry: { iface: "flannel.1", ip: "10.244.3.0", mac: "0e:00:00:00:00:03", isPermanent: true },
    });
    expect(read(DELNEIGH, encodeNeighbour(fdb))).toEqual({
      kind: "fdb",
      gone: true,
      entry: { iface: "flannel.1", mac: "0e:00:00:00:00:03", remote: "192.0.2.3", isPermanent: true },
    });
  });

  it("are told also when they stop being permanent", () => {
    const failed = { ...neighbour, state: 0x20, mac: null };
    expect(read(NEWNEIGH, encodeNeighbour(failed))).toMatchObject({
      entry: { mac: null, isPermanent: false },
    });
  });

  it.each([
    ["of another kind of device", { ...neighbour, index: ETH0 }],
    ["that need no resolution", { ...neighbour, state: 0x40 }],
    ["without an address", { ...neighbour, ip: null }],
    ["that are a bridge's and not the device's own", { ...fdb, flags: 4 }],
    ["on a bridge port", { ...fdb, index: ETH0 }],
    ["of a family that is neither", { ...neighbour, af: 12 }],
  ])("are left out: %s", (_, entry) => {
    expect(read(NEWNEIGH, encodeNeighbour(entry))).toBeNull();
  });

  it("of other devices are not even decoded", () => {
    const body = encodeNeighbour({ ...neighbour, index: ETH0 });
    body[12] = 1; // an attribute shorter than its header
    expect(read(NEWNEIGH, body)).toBeNull();
  });
});

describe("what cannot be read", () => {
  it("is an error", () => {
    expect(() => read(NEWROUTE, Uint8Array.of(2))).toThrow(
      expect.objectContaining({ code: "netlink-malformed" }),
    );
    expect(() => read(NEWNEIGH, Uint8Array.of(2))).toThrow(
      expect.objectContaining({ code: "netlink-malformed" }),
    );
  });

  it("is nothing when it is of a type that nobody asked for", () => {
    expect(read(36, Uint8Array.of(2))).toBeNull();
  });
});
