import { describe, expect, it } from "vitest";
import { NO_PEERS } from "../../../backends/backend.ts";
import { VTEP_MAC } from "../../../backends/vxlan/identity.ts";
import { vxlan } from "../../../backends/vxlan/index.ts";
import { vxlanDevices } from "../../../backends/vxlan/options.ts";
import type { VtepData } from "../../../backends/vxlan/published.ts";
import { ROUTE_PROTOCOL } from "../../../src/kernel/state.ts";
import { parseIpv4, parseIpv4Prefix } from "../../../src/net/index.ts";
import type { JsonObject, JsonValue } from "../../../src/runtime/json.ts";
import { sampleNode, samplePeer } from "../../support/sample-node.ts";

const parse = (raw: JsonObject) => vxlan.parseOptions({ Type: "vxlan", ...raw }, ["v4"]);
const planOf = (raw: JsonObject, node = sampleNode(), peers = [samplePeer(2)]) =>
  vxlan.plan(node, parse(raw), { ...NO_PEERS, carried: peers }).state;

function read(json: JsonValue): VtepData {
  const reading = vxlan.parseData(json, "v4");
  if (typeof reading === "string") throw new Error(reading);
  return reading;
}

describe("options of vxlan", () => {
  it("has flannel's defaults", () => {
    expect(parse({})).toEqual({
      vni: 1,
      port: null,
      mtuBytes: null,
      gbp: false,
      learning: false,
      directRouting: false,
    });
  });

  it("reads keys in any case", () => {
    const options = parse({ vni: 7, PORT: 4789, mtu: 9000, Gbp: true, learning: true, directRouting: true });
    expect(options).toEqual({
      vni: 7,
      port: 4789,
      mtuBytes: 9000,
      gbp: true,
      learning: true,
      directRouting: true,
    });
  });

  it.each([
    [{ VNI: -1 }, "VNI is -1, expected a whole number from 0 to 9999999"],
    [{ VNI: 2 ** 30 }, "VNI is 1073741824"],
    [{ VNI: "1" }, 'VNI is "1"'],
    [{ Port: 70_000 }, "Port is 70000, expected a whole number from 0 to 65535"],
    [{ MTU: 100 }, "MTU is 100, expected 0 for the interface's, or at least 118"],
    [{ DirectRouting: "yes" }, 'DirectRouting is "yes", expected true or false'],
  ])("refuses %o and names the key", (raw, message) => {
    expect(() => parse(raw)).toThrow(message);
  });

  it("takes the least MTU of the families that the network has", () => {
    const mtu = (MTU: number, families: readonly ("v4" | "v6")[]) =>
      vxlan.parseOptions({ MTU }, families).mtuBytes;
    expect([mtu(118, ["v4"]), mtu(1330, ["v4", "v6"])]).toEqual([118, 1330]);
    expect(() => mtu(1329, ["v4", "v6"])).toThrow(/Backend.*at least 1330/s);
  });

  it("refuses a host whose MTU leaves less than 68 bytes", () => {
    const refusal = (mtuBytes: number) =>
      vxlan.refuseHost({ ...sampleNode(), iface: { ...sampleNode().iface, mtuBytes } }, parse({}));
    expect(refusal(118)).toBeNull();
    expect(refusal(117)).toBe("the MTU of eth0, 117, leaves 67 bytes; raise it or set Backend.MTU");
  });

  it("takes VNI 0, as the kernel does", () => {
    expect(planOf({ VNI: 0 }).links[0]).toMatchObject({ name: "flannel.0", vni: 0 });
  });

  it("keeps the name of the IPv6 device within the kernel's 15 bytes", () => {
    expect(vxlan.parseOptions({ VNI: 9_999 }, ["v4", "v6"])).toMatchObject({ vni: 9_999 });
    expect(() => vxlan.parseOptions({ VNI: 10_000 }, ["v6"])).toThrow("from 0 to 9999");
    expect(vxlanDevices(parse({ VNI: 9_999_999 })).v4).toHaveLength(15);
  });
});

describe("what vxlan publishes and reads", () => {
  it("is the VNI and a MAC of each family that has a published address, and what pods and tunnels carry", () => {
    const { v4, v6 } = sampleNode().publicIps;
    const published = (publicIps: { v4: typeof v4; v6: typeof v6 }) =>
      vxlan.publish(sampleNode({ publicIps }), parse({ VNI: 7 }));
    const data = {
      v4: { VNI: 7, VtepMAC: "02:00:00:00:04:01" },
      v6: { VNI: 7, VtepMAC: "02:00:00:00:06:01" },
    };
    expect(published({ v4, v6 })).toEqual({
      data,
      podMtuBytes: 1450,
      carrierMtuBytes: { v4: 1450, v6: 1430 },
    });
    expect(published({ v4, v6: null }).data).toEqual({ ...data, v6: null });
    expect(published({ v4: null, v6 }).data).toEqual({ ...data, v4: null });
  });

  it("is read in any case of the keys, an exact key first, and no other key", () => {
    const mac = "02:00:00:00:04:02";
    expect(read({ vtepmac: mac, vni: 7, directrouting: true })).toEqual({
      mac,
      vni: 7,
      routesDirectly: true,
    });
    expect(read({ vtepmac: "02:00:00:00:04:09", VtepMAC: mac }).mac).toBe(mac);
    expect(read({ VtepMAC: mac, XNI: 7, VNIX: 8 }).vni).toBe("unnamed");
  });

  it("is on no channel with a VNI that is no number", () => {
    const data = read({ VtepMAC: "02:00:00:00:04:02", VNI: "1" });
    expect([data.vni, vxlan.isOnChannel(data, parse({}))]).toEqual(["unusable", false]);
    expect(vxlan.channelOf(data)).toBe("vxlan with no VNI");
  });

  it("is quoted as far as a line has room where it is no MAC", () => {
    const reason = (json: JsonValue) => vxlan.parseData(json, "v4");
    const start = "its VtepMAC is not a unicast Ethernet address: ";
    expect(reason("x".repeat(118))).toBe(`${start}"${"x".repeat(118)}"`);
    expect(reason("x".repeat(119))).toBe(`${start}"${"x".repeat(116)}…`);
    expect(reason({ VtepMAC: "01:00:5e:00:00:01" })).toBe(`${start}{"VtepMAC":"01:00:5e:00:00:01"}`);
  });
});

describe("plan of vxlan", () => {
  it("has no tunnel on a host without addresses, and no path to a peer without data or subnet of a family", () => {
    const node = sampleNode();
    const bare = { ...node, iface: { ...node.iface, ips: { v4: null, v6: null } } };
    const plan = vxlan.plan(bare, parse({}), { ...NO_PEERS, carried: [samplePeer(2)] });
    expect([plan.state.links, plan.origins.tunnels]).toEqual([[], []]);
    const { data, subnets } = samplePeer(2);
    const dsts = (peer: ReturnType<typeof samplePeer>) =>
      planOf({}, node, [peer]).routes.map(({ dst }) => dst);
    expect(dsts(samplePeer(2, { data: { ...data, v4: null } }))).toEqual(["fd00:10:244:2::/64"]);
    expect(dsts(samplePeer(2, { subnets: { ...subnets, v6: null } }))).toEqual(["10.244.2.0/24"]);
    const v4Only = sampleNode({ subnets: { ...node.subnets, v6: null } });
    expect(planOf({}, v4Only).routes.map(({ dst }) => dst)).toEqual(["10.244.2.0/24"]);
  });

  it("makes the device of each family with the subnet's network address on it", () => {
    const { links, addresses, sysctls } = planOf({}, sampleNode(), []);
    const common = {
      kind: "vxlan",
      vni: 1,
      parent: "eth0",
      port: null,
      learning: false,
      gbp: false,
    };
    expect(links).toEqual([
      { ...common, name: "flannel.1", mtuBytes: 1450, mac: "02:00:00:00:04:01", local: "198.18.1.1" },
      {
        ...common,
        name: "flannel-v6.1",
        mtuBytes: 1430,
        mac: "02:00:00:00:06:01",
        local: "fd00:198:18::101",
      },
    ]);
    expect(addresses).toEqual([
      { iface: "flannel.1", ip: "10.244.1.0", length: 32 },
      { iface: "flannel-v6.1", ip: "fd00:10:244:1::", length: 128 },
    ]);
    expect(sysctls).toEqual([
      { path: "net/ipv6/conf/flannel.1/accept_ra", value: "0" },
      { path: "net/ipv4/conf/flannel.1/rp_filter", value: "2" },
      { path: "net/ipv6/conf/flannel-v6.1/accept_ra", value: "0" },
    ]);
  });

  it("sends from the interface's address, whatever address is published", () => {
    const node = sampleNode({ publicIps: { v4: parseIpv4("203.0.113.9"), v6: null } });
    expect(planOf({}, node).links[0]).toMatchObject({ local: "198.18.1.1" });
  });

  it("reaches a peer by neighbour, FDB entry and onlink route", () => {
    const { fdb, neighbours, routes } = planOf({});
    expect(neighbours).toEqual([
      { iface: "flannel.1", ip: "10.244.2.0", mac: "02:00:00:00:04:02" },
      { iface: "flannel-v6.1", ip: "fd00:10:244:2::", mac: "02:00:00:00:06:02" },
    ]);
    expect(fdb).toEqual([
      { iface: "flannel.1", mac: "02:00:00:00:04:02", remote: "198.18.1.2" },
      { iface: "flannel-v6.1", mac: "02:00:00:00:06:02", remote: "fd00:198:18::102" },
    ]);
    const common = { onlink: true, protocol: ROUTE_PROTOCOL.boot, mtuBytes: null };
    expect(routes).toEqual([
      { ...common, dst: "10.244.2.0/24", via: "10.244.2.0", iface: "flannel.1" },
      { ...common, dst: "fd00:10:244:2::/64", via: "fd00:10:244:2::", iface: "flannel-v6.1" },
    ]);
  });

  it("leaves out the family that a peer lacks, and keeps the other", () => {
    const peer = samplePeer(2, {
      subnets: { v4: parseIpv4Prefix("10.244.2.0/24"), v6: null },
      data: { v4: samplePeer(2).data.v4, v6: null },
    });
    const { routes, neighbours } = planOf({}, sampleNode(), [peer]);
    expect(routes.map((route) => route.dst)).toEqual(["10.244.2.0/24"]);
    expect(neighbours).toHaveLength(1);
  });

  it("leaves out the family that the node has no address in", () => {
    const { iface } = sampleNode();
    const node = sampleNode({ iface: { ...iface, ips: { v4: iface.ips.v4, v6: null } } });
    const { links, routes } = planOf({}, node);
    expect(links.map((link) => link.name)).toEqual(["flannel.1"]);
    expect(routes.map((route) => route.iface)).toEqual(["flannel.1"]);
  });

  it("with DirectRouting sends plain packets to peers on the link, and tunnels to those behind a gateway", () => {
    const far = samplePeer(3, { publicIps: { v4: parseIpv4("203.0.113.3"), v6: null } });
    const { routes, fdb, neighbours } = planOf({ DirectRouting: true }, sampleNode(), [samplePeer(2), far]);
    expect(routes.find((route) => route.dst === "10.244.2.0/24")).toEqual({
      dst: "10.244.2.0/24",
      via: "198.18.1.2",
      iface: "eth0",
      onlink: false,
      protocol: ROUTE_PROTOCOL.tweed,
      mtuBytes: null,
    });
    expect(routes.find((route) => route.dst === "10.244.3.0/24")).toMatchObject({ iface: "flannel.1" });
    expect(fdb.map((entry) => entry.remote)).toEqual(["203.0.113.3"]);
    expect(neighbours.map((entry) => entry.ip)).toEqual(["10.244.3.0"]);
  });

  it("routes directly to a peer that does so itself, as packets have to go and come the same way", () => {
    const { data: json } = vxlan.publish(sampleNode(), parse({ DirectRouting: true }));
    expect(JSON.stringify(json.v4)).toBe('{"VNI":1,"VtepMAC":"02:00:00:00:04:01","DirectRouting":true}');
    const data = { v4: read(json.v4), v6: read(json.v6) };
    const { routes, fdb } = planOf({}, sampleNode(), [samplePeer(2, { data }), samplePeer(3)]);
    const devices = routes.map(({ dst, iface }) => [dst, iface]);
    expect(devices).toContainEqual(["10.244.2.0/24", "eth0"]);
    expect(devices).toContainEqual(["10.244.3.0/24", "flannel.1"]);
    // The tunnel to it is ready for when it no longer does.
    expect(fdb.map(({ remote }) => remote)).toContain("198.18.1.2");
    expect(fdb).toHaveLength(4);
    const isDirect = (DirectRouting: JsonValue) =>
      read({ VNI: 1, VtepMAC: "02:00:00:00:04:02", DirectRouting }).routesDirectly;
    expect([true, "true", 1].map(isDirect)).toEqual([true, false, false]);
  });

  it("takes the MTU from the configuration, but never more than the kernel gives", () => {
    const mtusOf = (raw: JsonObject) => planOf(raw).links.map((link) => link.mtuBytes);
    expect(mtusOf({ MTU: 1400 })).toEqual([1350, 1350]);
    expect(mtusOf({ MTU: 9000 })).toEqual([1450, 1430]);
    expect(vxlan.publish(sampleNode(), parse({ MTU: 1400 })).podMtuBytes).toBe(1350);
    expect(vxlan.publish(sampleNode(), parse({})).podMtuBytes).toBe(1450);
  });

  it("says so when the underlay leaves no room for a packet", () => {
    const { iface } = sampleNode();
    const node = sampleNode({ iface: { ...iface, mtuBytes: 100 } });
    expect(vxlan.refuseHost(node, parse({}))).toMatch(/leaves 50 bytes; raise it or set Backend.MTU/);
  });
});

describe("what vxlan publishes", () => {
  it("is flannel's text, key order and all", () => {
    const { data } = vxlan.publish(sampleNode(), parse({ VNI: 5 }));
    expect(JSON.stringify(data.v4)).toBe('{"VNI":5,"VtepMAC":"02:00:00:00:04:01"}');
  });

  it("is read back in any case, so that its MAC is taken up again", () => {
    expect(VTEP_MAC.published(read({ vtepmac: "02:AA:00:00:00:01" }))).toBe("02:aa:00:00:00:01");
  });

  it.each([
    [{ VtepMAC: "02:00:00:00:00:01" }, null],
    [{ VtepMAC: "02-00-00-00-00-0A" }, null],
    [{ VtepMAC: "01:00:5e:00:00:01" }, /not a unicast Ethernet address/],
    [{ VtepMAC: "ff:ff:ff:ff:ff:ff" }, /not a unicast Ethernet address/],
    [{ VtepMAC: 7 }, /not a unicast Ethernet address/],
    [null, /not a unicast Ethernet address: null/],
    ["x".repeat(5000), /^.{1,200}$/],
  ])("of a peer: %o", (data, expected) => {
    const reading = vxlan.parseData(data, "v4");
    if (expected === null) expect(reading).toMatchObject({ vni: "unnamed" });
    else expect(reading).toMatch(expected);
  });

  it("names the MAC as what no two nodes may have, however it is spelled", () => {
    const key = [{ code: "duplicate-mac", value: "02:aa:00:00:00:01" }];
    expect(vxlan.conflictKeys(read({ VNI: 1, VtepMAC: "02:aa:00:00:00:01" }))).toEqual(key);
    expect(vxlan.conflictKeys(read({ VNI: 9, vtepmac: "02-AA-00-00-00-01" }))).toEqual(key);
  });

  it.each([
    [
      { VtepMAC: "02:00:00:00:00:01" },
      true,
      "no VNI is the network's, as before flannel 0.14 and from other writers",
    ],
    [{ VNI: null, VtepMAC: "02:00:00:00:00:01" }, true, "so is null"],
    [{ VNI: 1, VtepMAC: "02:00:00:00:00:01" }, true, "the same"],
    [{ VNI: 7, VtepMAC: "02:00:00:00:00:01" }, false, "another"],
    [{ VNI: "1", VtepMAC: "02:00:00:00:00:01" }, false, "no number"],
  ])("%o is on VNI 1: %s, %s", (v4, isOn, _why) => {
    expect(vxlan.isOnChannel(read(v4), parse({}))).toBe(isOn);
  });
});
