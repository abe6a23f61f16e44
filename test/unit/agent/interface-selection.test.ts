import { describe, expect, it } from "vitest";
import { parseIp, parseIpv4, parseIpv6 } from "../../../src/net/index.ts";
import { Host } from "../../support/host.ts";

const V4 = ["v4"] as const;
const V6 = ["v6"] as const;
const DUAL = ["v4", "v6"] as const;

const dhcp = (text: string) => ({ ip: parseIp(text), isPermanent: false });
/** As keepalived and kube-vip put theirs. */
const single = (text: string) => ({ ip: parseIp(text), length: 32 });
const publicV4 = (text: string) => ({ publicIps: { v4: parseIpv4(text), v6: null } });
const publicV6 = (text: string) => ({ publicIps: { v4: null, v6: parseIpv6(text) } });

/** The dummy of flannel's own test, beside what every host has. */
function hostWithDummy(): Host {
  return new Host()
    .link("lo", ["127.0.0.1", "::1"], { mtuBytes: 65_536 })
    .link("eth0", ["192.0.2.7", "2001:db8::7", "fe80::7"])
    .link("dummy0", ["1.10.100.1", "192.168.200.128", "172.16.30.18", "172.16.31.200", "fd00:5::1"])
    .defaultRoute("v4", "eth0")
    .defaultRoute("v6", "eth0", 1024);
}

describe("flannel's own cases", () => {
  it.each([
    ["a pattern for an address", { ifaceRegexes: [/192\.168\.200\.\d+/] }, "192.168.200.128"],
    ["a pattern for a name", { ifaceRegexes: [/dummy\d+/] }, "1.10.100.1"],
    ["a name", { ifaces: ["dummy0"] }, "1.10.100.1"],
    ["an address", { ifaces: ["172.16.30.18"] }, "172.16.30.18"],
  ])("finds the dummy by %s", async (_by, options, ip) => {
    const selected = await hostWithDummy().select(V4, options);
    expect(selected).toMatchObject({
      iface: { name: "dummy0", mtuBytes: 1500, ips: { v4: ip, v6: null } },
      publicIps: { v4: ip, v6: null },
      missing: [],
      notes: [],
    });
  });

  it("finds it by an IPv4 address in dual-stack", async () => {
    const selected = await hostWithDummy().select(DUAL, { ifaces: ["172.16.30.18"] });
    expect(selected.iface).toMatchObject({ name: "dummy0", ips: { v4: "172.16.30.18", v6: "fd00:5::1" } });
  });

  it("publishes another address than the pattern found", async () => {
    const options = { ifaceRegexes: [/172\.16\.30\.\d+/], ...publicV4("172.16.31.200") };
    const selected = await hostWithDummy().select(V4, options);
    expect(selected.iface.ips.v4).toBe("172.16.30.18");
    expect(selected.publicIps.v4).toBe("172.16.31.200");
  });

  it("finds it by what it can reach, with the source that the kernel prefers", async () => {
    const host = hostWithDummy().answersRouteLookup({
      iface: "dummy0",
      via: null,
      source: parseIp("172.16.30.18"),
    });
    const selected = await host.select(DUAL, { ifaceCanReach: parseIp("172.16.30.99") });
    expect(selected.iface).toMatchObject({ name: "dummy0", ips: { v4: "172.16.30.18", v6: "fd00:5::1" } });
    expect(selected.rule).toBe("--iface-can-reach 172.16.30.99");
  });
});

describe("order of addresses", () => {
  it("is global before link-local, permanent before dynamic, lasting before temporary", async () => {
    const host = new Host().link("eth0", [
      "169.254.3.1",
      { ip: parseIp("192.0.2.1"), isPermanent: false },
      "192.0.2.2",
      { ip: parseIp("2001:db8::1"), isPermanent: false, isTemporary: true },
      { ip: parseIp("2001:db8::2"), isPermanent: false },
    ]);
    const selected = await host.select(DUAL, { ifaces: ["eth0"] });
    expect(selected.iface.ips).toEqual({ v4: "192.0.2.2", v6: "2001:db8::2" });
  });

  it.each([
    ["a DHCP address, a virtual one of one address", "192.0.2.7", [dhcp("192.0.2.7"), single("192.0.2.100")]],
    ["the same the other way round", "192.0.2.7", [single("192.0.2.100"), dhcp("192.0.2.7")]],
    [
      "DHCP of one address, as clouds have it",
      "192.0.2.7",
      [{ ...dhcp("192.0.2.7"), length: 32 }, single("192.0.2.100")],
    ],
    [
      "a DHCP address, a permanent secondary one",
      "192.0.2.7",
      [dhcp("192.0.2.7"), { ip: parseIp("192.0.2.100"), isSecondary: true }],
    ],
    ["two of one address", "192.0.2.7", [single("192.0.2.7"), single("192.0.2.100")]],
    ["a virtual one alone", "192.0.2.100", [single("192.0.2.100")]],
    ["a virtual one and link-local", "192.0.2.100", ["169.254.3.1", single("192.0.2.100")]],
  ])("has virtual ones last: %s", async (_what, ip, addresses) => {
    const selected = await new Host().link("eth0", addresses).select(V4, { ifaces: ["eth0"] });
    expect(selected.iface.ips.v4).toBe(ip);
  });

  it("takes IPv4 link-local rather than none", async () => {
    const selected = await new Host().link("eth0", ["169.254.3.1"]).select(V4, { ifaces: ["eth0"] });
    expect(selected.iface.ips.v4).toBe("169.254.3.1");
  });

  it("leaves out deprecated, tentative, loopback and IPv6 link-local ones", async () => {
    const host = new Host().link("eth0", [
      "127.0.0.2",
      "fe80::1",
      { ip: parseIp("2001:db8::1"), isDeprecated: true },
      { ip: parseIp("2001:db8::2"), isTentative: true },
    ]);
    await expect(host.select(DUAL, { ifaces: ["eth0"] })).rejects.toThrow(
      "--iface eth0: eth0 has no usable IPv4 address (127.0.0.2 [cannot be reached from another host]), " +
        "eth0 has no usable IPv6 address (fe80::1 [cannot be reached from another host], 2001:db8::1 [deprecated], " +
        "2001:db8::2 [tentative (duplicate address detection has not passed)])",
    );
  });

  it("puts the published address first where the interface carries it", async () => {
    const selected = await hostWithDummy().select(V4, { ifaces: ["dummy0"], ...publicV4("172.16.31.200") });
    expect(selected.iface.ips.v4).toBe("172.16.31.200");
  });
});

describe("without flags", () => {
  it("takes the default route with the lowest metric", async () => {
    const host = new Host()
      .link("wlan0", ["192.0.2.1"])
      .link("eth0", ["192.0.2.2"])
      .defaultRoute("v4", "wlan0", 600)
      .defaultRoute("v4", "eth0", 100);
    expect(await host.select(V4)).toMatchObject({ iface: { name: "eth0" }, rule: "IPv4 default route" });
  });

  it("wants no default route of the second family", async () => {
    const host = new Host().link("eth0", ["192.0.2.1", "fd00::1"]).defaultRoute("v4", "eth0");
    expect((await host.select(DUAL)).iface.ips).toEqual({ v4: "192.0.2.1", v6: "fd00::1" });
  });

  it("prefers the default route whose interface has both families", async () => {
    const host = new Host()
      .link("eth0", ["192.0.2.1"])
      .link("eth1", ["198.51.100.1", "2001:db8::1"])
      .defaultRoute("v4", "eth0")
      .defaultRoute("v6", "eth1");
    const selected = await host.select(DUAL);
    expect(selected).toMatchObject({ iface: { name: "eth1" }, rule: "IPv6 default route", missing: [] });
    expect(selected.notes).toEqual([expect.stringContaining("eth0 has no usable IPv6 address (no address)")]);
  });

  it("passes over a multipath route for one that names an interface, and says why there is none", async () => {
    const host = new Host().link("eth0", ["192.0.2.1"]).defaultRoute("v4", null);
    await expect(host.select(V4)).rejects.toThrow("names no single interface (multipath or blackhole)");
    host.defaultRoute("v4", "eth0", 100);
    expect((await host.select(V4)).iface.name).toBe("eth0");
  });

  it("says so when there is no default route", async () => {
    await expect(new Host().link("eth0", ["192.0.2.1"]).select(V4)).rejects.toThrow(
      "IPv4 default route: there is none. Set --iface to the name or an address of one of: eth0 (192.0.2.1)",
    );
  });
});

describe("--public-ip without flags for the interface", () => {
  it("names the interface that carries it", async () => {
    const selected = await hostWithDummy().select(V4, publicV4("172.16.31.200"));
    expect(selected).toMatchObject({
      iface: { name: "dummy0", ips: { v4: "172.16.31.200" } },
      rule: "--public-ip 172.16.31.200",
    });
  });

  it("is published only when nobody carries it, as behind NAT", async () => {
    const selected = await hostWithDummy().select(V4, publicV4("203.0.113.5"));
    expect(selected).toMatchObject({
      iface: { name: "eth0", ips: { v4: "192.0.2.7" } },
      publicIps: { v4: "203.0.113.5", v6: null },
      rule: "IPv4 default route",
      notes: ["--public-ip 203.0.113.5: no interface carries it, so it is published only, as behind NAT"],
    });
  });

  it("works for each family on its own", async () => {
    const selected = await hostWithDummy().select(DUAL, publicV6("fd00:5::1"));
    expect(selected).toMatchObject({
      iface: { name: "dummy0", ips: { v4: "1.10.100.1", v6: "fd00:5::1" } },
      rule: "--public-ipv6 fd00:5::1",
    });
  });

  it("is ignored for a family that is off", async () => {
    const selected = await hostWithDummy().select(V6, publicV4("172.16.31.200"));
    expect(selected.iface.name).toBe("eth0");
    expect(selected.publicIps).toEqual({ v4: null, v6: "2001:db8::7" });
  });
});

describe("--iface", () => {
  it("is tried in order, and what was passed over is told", async () => {
    const selected = await hostWithDummy().select(V4, { ifaces: ["eth9", "203.0.113.9", "dummy0", "eth0"] });
    expect(selected.iface.name).toBe("dummy0");
    expect(selected.notes).toEqual([
      "--iface eth9: there is no such interface",
      "--iface 203.0.113.9: no interface carries this address",
    ]);
  });

  it("takes an IPv6 address in dual-stack", async () => {
    const selected = await hostWithDummy().select(DUAL, { ifaces: ["fd00:5::1"] });
    expect(selected.iface).toMatchObject({ name: "dummy0", ips: { v4: "1.10.100.1", v6: "fd00:5::1" } });
  });

  it("takes an address of a family that is off for the interface alone", async () => {
    const selected = await hostWithDummy().select(V4, { ifaces: ["fd00:5::1"] });
    expect(selected.iface).toMatchObject({ name: "dummy0", ips: { v4: "1.10.100.1", v6: null } });
  });

  it("does not fall back to the default route", async () => {
    await expect(hostWithDummy().select(V4, { ifaces: ["eth9"] })).rejects.toThrow("eth9: there is no such");
  });

  it("refuses an MTU of 0 and an address that no peer can reach", async () => {
    const host = new Host().link("eth0", ["192.0.2.1", "fe80::1"], { mtuBytes: 0 });
    await expect(host.select(V4, { ifaces: ["eth0"] })).rejects.toThrow("the MTU of eth0 is 0");
    await expect(host.select(V6, { ifaces: ["fe80::1"] })).rejects.toThrow(
      "--iface fe80::1: on eth0, but cannot be reached",
    );
  });

  it("passes over an interface that is down", async () => {
    const host = new Host().link("eth0", ["192.0.2.1"], { isUp: false }).link("eth1", ["192.0.2.2"]);
    const selected = await host.select(V4, { ifaces: ["eth0", "eth1"] });
    expect([selected.iface.name, selected.notes]).toEqual(["eth1", ["--iface eth0: eth0 is down"]]);
    await expect(host.select(V4, { ifaces: ["eth0"] })).rejects.toThrow("--iface eth0: eth0 is down");
  });

  it("on lo has pods take the MTU of the ways out", async () => {
    const host = () => new Host().link("lo", ["127.0.0.1", single("10.9.0.1")], { mtuBytes: 65_536 });
    const mtuOf = async (on: Host) => (await on.select(V4, { ifaces: ["lo"] })).iface.mtuBytes;
    expect(await mtuOf(host().link("eth0", []).defaultRoute("v4", "eth0"))).toBe(1500);
    const two = host().link("eth0", [], { mtuBytes: 9000 }).link("eth1", [], { mtuBytes: 1400 });
    expect(await mtuOf(two.defaultRoute("v4", "eth0"))).toBe(9000);
    expect(await mtuOf(two.defaultRoute("v4", "eth1", 100))).toBe(1400);
    const multipath = host().link("eth0", []).link("cni0", ["10.244.1.1"], { mtuBytes: 1280 });
    multipath.defaultRoute("v4", null).route("192.0.2.0/24", "eth0").route("10.244.1.0/24", "cni0");
    expect(await mtuOf(multipath)).toBe(1500);
    expect(await mtuOf(host())).toBe(65_536);
  });
});

describe("--iface-regex", () => {
  it("comes after every --iface", async () => {
    const options = { ifaces: ["eth0"], ifaceRegexes: [/dummy0/] };
    expect((await hostWithDummy().select(V4, options)).iface.name).toBe("eth0");
    expect((await hostWithDummy().select(V4, { ...options, ifaces: ["eth9"] })).iface.name).toBe("dummy0");
  });

  it("prefers an address to a name, and the lower index among equals", async () => {
    const host = new Host()
      .link("net10", ["192.0.2.1"])
      .link("eth1", ["10.0.0.1"])
      .link("eth2", ["10.0.0.2"]);
    expect((await host.select(V4, { ifaceRegexes: [/10/] })).iface.name).toBe("eth1");
  });

  it("wants in dual-stack a match in both families, else in one, of the same interface", async () => {
    const host = new Host().link("eth0", ["10.0.0.1", "fd00::1"]).link("eth1", ["10.0.0.2", "fd10::2"]);
    expect((await host.select(DUAL, { ifaceRegexes: [/10/] })).iface.name).toBe("eth1");
    const selected = await host.select(DUAL, { ifaceRegexes: [/^10\.0\.0\.1$|^eth1$/] });
    expect(selected.iface).toMatchObject({ name: "eth0", ips: { v4: "10.0.0.1", v6: "fd00::1" } });
  });

  it("goes on to the next match when one lacks addresses", async () => {
    const host = new Host().link("eth0", []).link("eth1", ["192.0.2.1"]);
    expect((await host.select(V4, { ifaceRegexes: [/^eth/] })).iface.name).toBe("eth1");
  });

  it("never takes a device of the overlay or loopback", async () => {
    const host = new Host()
      .link("lo", ["127.0.0.1"])
      .link("flannel.1", ["10.244.3.0"])
      .link("cni0", ["10.244.3.1"])
      .link("eth0", ["10.0.0.1"]);
    expect((await host.select(V4, { ifaceRegexes: [/^10\.|.*/] })).iface.name).toBe("eth0");
  });

  it("that matches nothing lists what there is", async () => {
    await expect(hostWithDummy().select(V4, { ifaceRegexes: [/^wg/] })).rejects.toMatchObject({
      code: "no-interface",
      retryable: true,
      message: expect.stringMatching(
        /--iface-regex \^wg: matches no usable address and no interface name.*eth0 \(192\.0\.2\.7, 2001:db8::7, fe80::7 \[/,
      ),
    });
  });
});

describe("--iface-can-reach", () => {
  const target = parseIp("198.51.100.9");

  it("is asked only when nothing before it served", async () => {
    const host = hostWithDummy();
    await host.select(V4, { ifaces: ["eth0"], ifaceCanReach: target });
    expect(host.routeLookups).toEqual([]);
    await expect(host.select(V4, { ifaces: ["eth9"], ifaceCanReach: target })).rejects.toThrow(
      "--iface-can-reach 198.51.100.9: the kernel has no route to it",
    );
    expect(host.routeLookups).toEqual([target]);
  });

  it("finds the interface of an address of this host, not lo", async () => {
    const own = parseIp("172.16.30.18");
    const host = hostWithDummy().answersRouteLookup({ iface: "lo", via: null, source: own });
    const selected = await host.select(V4, { ifaceCanReach: own });
    expect(selected.iface).toMatchObject({ name: "dummy0", ips: { v4: "172.16.30.18" } });
  });

  it("does without a source that is of no use", async () => {
    const host = hostWithDummy().answersRouteLookup({ iface: "eth0", via: null, source: parseIp("fe80::7") });
    const selected = await host.select(V6, { ifaceCanReach: parseIp("fe80::1") });
    expect(selected.iface.ips.v6).toBe("2001:db8::7");
  });
});

describe("a family without an address", () => {
  it("does not take the other down", async () => {
    const selected = await new Host()
      .link("eth0", ["192.0.2.1", "fe80::1"])
      .defaultRoute("v4", "eth0")
      .select(DUAL, { publicIps: { v4: null, v6: parseIpv6("2001:db8::5") } });
    expect(selected).toMatchObject({
      iface: { name: "eth0", ips: { v4: "192.0.2.1", v6: null } },
      publicIps: { v4: "192.0.2.1", v6: null },
      missing: [{ family: "v6", reason: expect.stringContaining("eth0 has no usable IPv6 address") }],
    });
  });

  it("gives way to a later candidate that has both", async () => {
    const host = new Host().link("eth0", ["192.0.2.1"]).link("eth1", ["192.0.2.2", "fd00::2"]);
    expect((await host.select(DUAL, { ifaces: ["eth0", "eth1"] })).iface.name).toBe("eth1");
    expect((await host.select(DUAL, { ifaces: ["eth0", "eth9"] })).iface.name).toBe("eth0");
  });
});

it("keeps the error short on a node with many pods", async () => {
  const host = new Host();
  for (let pod = 0; pod < 500; pod++) host.link(`veth${pod}`, ["fe80::1"]);
  await expect(host.select(V4)).rejects.toThrow(/veth23 \([^)]*\) and 476 more$/);
});
