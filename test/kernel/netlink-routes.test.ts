/** Routes: deleting exactly one, seeing those of others, and the way of a packet. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RouteState } from "../../src/kernel/state.ts";
import { writeSysctl } from "../../src/kernel/sysctl.ts";
import { parseIp, parsePrefix } from "../../src/net/index.ts";
import { NetlinkHost } from "../support/netlink-host.ts";

let host: NetlinkHost;

beforeAll(async () => {
  host = await NetlinkHost.open("nlroutes");
});
afterAll(() => host.close());

describe("deleting a route", () => {
  const dst = parsePrefix("198.51.100.0/24");
  const route: RouteState = {
    dst,
    via: parseIp("192.0.2.2"),
    iface: "eth0",
    onlink: false,
    protocol: 116,
    mtuBytes: null,
  };
  const remaining = async () => (await host.kernel.observe()).routes.filter((seen) => seen.dst === dst);

  it.each([
    ["gateway", "via 192.0.2.9 dev eth0 proto 116"],
    ["protocol", "via 192.0.2.2 dev eth0 proto static"],
    ["metric", "via 192.0.2.2 dev eth0 proto 116 metric 70"],
  ])("leaves one with another %s alone", async (_, other) => {
    await host.here.ip(`route add 198.51.100.0/24 ${other}`);
    await host.done({ op: "delete-route", route, metric: 50 });
    expect(await remaining()).toHaveLength(1);
    await host.here.ip(`route del 198.51.100.0/24 ${other}`);
  });

  it("finds the one that was seen among several", async () => {
    await host.here.ip(
      "route add 198.51.100.0/24 via 192.0.2.9 dev eth0 proto 116",
      "route add 198.51.100.0/24 via 192.0.2.2 dev eth0 proto 116 metric 50",
      "route add 198.51.100.0/24 via 192.0.2.2 dev eth0 proto 116 metric 60",
    );
    await host.done({ op: "delete-route", route, metric: 50 });
    expect((await remaining()).map(({ via, metric }) => [via, metric])).toEqual([
      ["192.0.2.9", 0],
      ["192.0.2.2", 60],
    ]);
    await host.here.ip("route flush 198.51.100.0/24");
  });
});

describe("a route with a bare way", () => {
  const dst = parsePrefix("198.51.100.0/24");
  const route: RouteState = {
    dst,
    via: parseIp("198.51.100.0"),
    iface: "flannel.9",
    onlink: true,
    protocol: 3,
    mtuBytes: null,
    alsoFrom: { via: parseIp("192.0.2.2"), iface: "eth0" },
  };
  const STRICT = "net/ipv4/conf/eth0/rp_filter";
  const seen = async () => (await host.kernel.observe()).routes.filter((each) => each.dst === dst);
  /** As if it came from there for an address of eth0. */
  const comes = (iface: string) =>
    host.here.ip(`route get 192.0.2.1 from 198.51.100.7 iif ${iface}`).then(
      () => "taken",
      () => "dropped",
    );

  beforeAll(async () => {
    await host.here.ip(
      "link add flannel.9 type vxlan id 9 dev eth0 local 192.0.2.1 dstport 4999",
      "link set flannel.9 up",
    );
    writeSysctl({ path: STRICT, value: "1" });
  });
  afterAll(async () => {
    writeSysctl({ path: STRICT, value: "0" });
    await host.here.ip("link del flannel.9");
  });

  it("is seen as it was put, takes what comes over either, and goes as a whole", async () => {
    const { alsoFrom: _, ...single } = route;
    await host.done({ op: "put-route", route: single });
    expect(await comes("eth0")).toBe("dropped");
    await host.done({ op: "put-route", route });
    expect(await seen()).toEqual([{ ...route, metric: 0, source: null }]);
    expect(await comes("eth0")).toBe("taken");
    expect(await comes("flannel.9")).toBe("taken");
    await host.done({ op: "put-route", route: single });
    expect(await seen()).toEqual([{ ...single, metric: 0, source: null }]);
    await host.done({ op: "put-route", route });
    await host.done({ op: "delete-route", route, metric: 0 });
    expect(await seen()).toEqual([]);
  });
});

describe("routes that others made", () => {
  it("are seen with all that tells them apart, and only those of the main table", async () => {
    await host.here.ip(
      "route add 198.51.100.0/25 via 192.0.2.2 src 192.0.2.1 metric 7 mtu 1300 proto static",
      "route add 198.51.100.128/26 nexthop via 192.0.2.2 dev eth0 nexthop via 192.0.2.9 dev eth0",
      "route add blackhole 198.51.100.192/26",
      "route add 203.0.113.0/24 via 192.0.2.2 table 100",
      "route add unreachable 203.0.113.0/25",
      "route add 203.0.113.128/25 via inet6 2001:db8::2 dev eth0",
      "route add default via 192.0.2.2",
      "route add ::/0 via 2001:db8::2",
    );
    const { routes } = await host.kernel.observe();
    const seen = new Map(routes.map((route) => [route.dst as string, route]));
    expect(seen.get("198.51.100.0/25")).toEqual({
      dst: "198.51.100.0/25",
      via: "192.0.2.2",
      iface: "eth0",
      onlink: false,
      protocol: 4,
      metric: 7,
      mtuBytes: 1300,
      source: "192.0.2.1",
    });
    expect(seen.get("198.51.100.128/26")).toMatchObject({ iface: null, via: null });
    expect(seen.get("198.51.100.192/26")).toMatchObject({ iface: null, via: null });
    expect(seen.get("203.0.113.128/25")).toMatchObject({ via: "2001:db8::2", iface: "eth0" });
    expect(seen.get("0.0.0.0/0")).toMatchObject({ via: "192.0.2.2", metric: 0 });
    expect(seen.get("::/0")).toMatchObject({ via: "2001:db8::2", metric: 1024 });
    expect(seen.has("203.0.113.0/24")).toBe(false);
    expect(seen.get("203.0.113.0/25")).toMatchObject({ iface: null, via: null });
    expect([...seen.keys()].some((dst) => dst.startsWith("127.") || dst.startsWith("ff00"))).toBe(false);
    await host.here.ip(
      "route flush proto static",
      "route flush proto boot",
      "route flush default",
      "route del ::/0",
    );
  });
});

describe("a route for a packet", () => {
  it("is found, with gateway and source, or found missing", async () => {
    await host.here.ip("route add 198.51.100.0/24 via 192.0.2.2", "route add blackhole 203.0.113.0/24");
    expect(await host.kernel.routeTo(parseIp("192.0.2.2"))).toEqual({
      iface: "eth0",
      via: null,
      source: "192.0.2.1",
    });
    expect(await host.kernel.routeTo(parseIp("198.51.100.9"))).toEqual({
      iface: "eth0",
      via: "192.0.2.2",
      source: "192.0.2.1",
    });
    expect(await host.kernel.routeTo(parseIp("192.0.2.1"))).toMatchObject({ iface: "lo" });
    expect(await host.kernel.routeTo(parseIp("203.0.113.1"))).toBeNull();
    expect(await host.kernel.routeTo(parseIp("8.8.8.8"))).toBeNull();
    expect(await host.kernel.routeTo(parseIp("2001:db8::2"))).toMatchObject({ iface: "eth0", via: null });
    expect(await host.kernel.routeTo(parseIp("2001:db8:ffff::1"))).toBeNull();
    await host.here.ip("route del 198.51.100.0/24", "route del blackhole 203.0.113.0/24");
  });
});
