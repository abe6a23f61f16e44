/**
 * What LinuxKernel makes, as iproute2 sees it, and what iproute2 makes, as LinuxKernel sees it.
 *
 *     [ here: eth0 192.0.2.1/24, 2001:db8::1/64 ] ---- veth ---- [ there: eth0 192.0.2.2/24, 2001:db8::2/64 ]
 *       flannel.1, flannel-v6.1, flannel0
 */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { LinuxKernel } from "../../src/kernel/linux-kernel.ts";
import type { Operation } from "../../src/kernel/operation.ts";
import type { FdbState, NeighbourState, RouteState, VxlanLink } from "../../src/kernel/state.ts";
import { parseIp, parseMac, parsePrefix } from "../../src/net/index.ts";
import { silentLog } from "../../src/runtime/log.ts";
import { connect, Namespace } from "../support/netns.ts";

let here: Namespace;
let there: Namespace;
let leave: () => void;
let kernel: LinuxKernel;

beforeAll(async () => {
  here = await Namespace.create("nlobj");
  there = await Namespace.create("nlobj");
  await connect(
    { namespace: here, iface: "eth0", addresses: ["192.0.2.1/24", "2001:db8::1/64"] },
    { namespace: there, iface: "eth0", addresses: ["192.0.2.2/24", "2001:db8::2/64"] },
  );
  leave = await here.enter();
  kernel = await LinuxKernel.open({ log: silentLog });
});

afterAll(async () => {
  kernel.close();
  leave();
  await here.delete();
  await there.delete();
});

beforeEach(async () => {
  await done(
    ...["flannel.1", "flannel-v6.1", "flannel0"].map((name): Operation => ({ op: "delete-link", name })),
  );
});

/** Carries operations out, all of which must succeed. */
async function done(...operations: Operation[]): Promise<void> {
  expect((await kernel.apply(operations)).filter((outcome) => outcome !== null)).toEqual([]);
}

async function codes(...operations: Operation[]): Promise<(string | null)[]> {
  return (await kernel.apply(operations)).map((outcome) => outcome?.code ?? null);
}

const flannel: VxlanLink = {
  kind: "vxlan",
  name: "flannel.1",
  mac: parseMac("0e:52:a1:00:00:07"),
  mtuBytes: 1450,
  vni: 1,
  parent: "eth0",
  local: parseIp("192.0.2.1"),
  port: null,
  learning: false,
  gbp: false,
};
const flannel6: VxlanLink = { ...flannel, name: "flannel-v6.1", local: parseIp("2001:db8::1") };
const peerMac = parseMac("0e:00:00:00:00:03");

const create = (link: VxlanLink): Operation => ({ op: "create-link", link });
const up = (name: string): Operation => ({ op: "set-link", name, up: true });

/** Everything that one peer needs on a VXLAN device. */
function peer(iface: string, subnet: string, remote: string) {
  const dst = parsePrefix(subnet);
  const gateway = parseIp(subnet.slice(0, subnet.indexOf("/")));
  const neighbour: NeighbourState = { iface, ip: gateway, mac: peerMac };
  const fdb: FdbState = { iface, mac: peerMac, remote: parseIp(remote) };
  const route: RouteState = { dst, via: gateway, iface, onlink: true, protocol: 3, mtuBytes: null };
  return { neighbour, fdb, route };
}
const PEERS = [
  [flannel, "10.244.3.0/24", "192.0.2.2", "-4"],
  [flannel6, "fd00:10:244:3::/64", "2001:db8::2", "-6"],
] as const;

describe("a VXLAN device", () => {
  it("is what flannel makes", async () => {
    await done(create(flannel));
    const [seen] = await here.json("ip", "-d", "link", "show", "flannel.1");
    expect(seen).toMatchObject({
      ifname: "flannel.1",
      address: "0e:52:a1:00:00:07",
      mtu: 1450,
      flags: ["BROADCAST", "MULTICAST"],
      linkinfo: {
        info_kind: "vxlan",
        info_data: {
          id: 1,
          link: "eth0",
          local: "192.0.2.1",
          port: 8472,
          learning: false,
          ttl: 0,
          ageing: 300,
          udp_csum: true,
          udp_zero_csum6_tx: false,
          udp_zero_csum6_rx: false,
        },
      },
    });
    // iproute2 does not print a queue length of 0; the kernel's default would be 1000.
    expect(seen?.txqlen).toBeUndefined();
    const [info] = [seen?.linkinfo as { info_data: Record<string, unknown> }];
    expect(Object.keys(info.info_data).filter((key) => /gbp|proxy|rsc|miss|group/.test(key))).toEqual([]);
  });

  it("has port, learning and group policy where they are asked for", async () => {
    await done(create({ ...flannel, port: 4789, learning: true, gbp: true, vni: 42 }));
    const [seen] = await here.json("ip", "-d", "link", "show", "flannel.1");
    expect(seen).toMatchObject({
      linkinfo: { info_data: { id: 42, port: 4789, learning: true, gbp: true } },
    });
  });

  it("runs over IPv6", async () => {
    await done(create(flannel6));
    const [seen] = await here.json("ip", "-d", "link", "show", "flannel-v6.1");
    expect(seen).toMatchObject({ linkinfo: { info_data: { local6: "2001:db8::1" } } });
  });

  it("is observed as it was asked for", async () => {
    await done(create(flannel), up("flannel.1"));
    const { links } = await kernel.observe();
    const eth0 = links.find(({ name }) => name === "eth0");
    expect(eth0).toMatchObject({ kind: "veth", mtuBytes: 1500, isUp: true, hasCarrier: true, vxlan: null });
    expect(links.find(({ name }) => name === "lo")).toMatchObject({ isLoopback: true, kind: null });
    expect(links.find(({ name }) => name === "flannel.1")).toMatchObject({
      kind: "vxlan",
      mac: flannel.mac,
      mtuBytes: 1450,
      isUp: true,
      vxlan: {
        vni: 1,
        parentIndex: eth0?.index,
        local: "192.0.2.1",
        group: null,
        port: 8472,
        learning: false,
        gbp: false,
        l2miss: false,
      },
      tun: null,
    });
  });

  it("that exists is not made again", async () => {
    await done(create(flannel));
    expect(await codes(create(flannel))).toEqual(["EEXIST"]);
  });

  it("with a number that is taken is refused in the kernel's own words", async () => {
    await done(create(flannel));
    const [outcome] = await kernel.apply([create({ ...flannel, name: "flannel-v6.1" })]);
    expect(outcome).toMatchObject({ code: "EEXIST", operation: "create-link flannel-v6.1" });
    expect(outcome?.message).toContain("A VXLAN device with the specified VNI already exists");
  });

  it("changes in place: MTU, MAC, learning, local address, up and down", async () => {
    await done(create(flannel), up("flannel.1"));
    const before = (await here.json("ip", "link", "show", "flannel.1"))[0]?.ifindex;
    const mac = parseMac("0e:52:a1:00:00:99");
    await done(
      { op: "set-link", name: "flannel.1", mtuBytes: 1400, mac, learning: true },
      { op: "set-link", name: "flannel.1", local: parseIp("192.0.2.7") },
    );
    const [seen] = await here.json("ip", "-d", "link", "show", "flannel.1");
    expect(seen).toMatchObject({
      ifindex: before,
      mtu: 1400,
      address: mac,
      linkinfo: { info_data: { id: 1, learning: true, local: "192.0.2.7", port: 8472, ttl: 0 } },
    });
    expect(seen?.flags).toContain("UP");
    await done({ op: "set-link", name: "flannel.1", up: false });
    expect((await here.json("ip", "link", "show", "flannel.1"))[0]?.flags).not.toContain("UP");
  });

  it("with a name too long for the kernel is an error, not a crash", async () => {
    expect(await codes(create({ ...flannel, name: "flannel.123456789" }))).toEqual(["ERANGE"]);
  });
});

describe.each(PEERS)("a peer of %o at %s", ({ name }, subnet, remote, family) => {
  const device = name === "flannel.1" ? flannel : flannel6;
  const { neighbour, fdb, route } = peer(name, subnet, remote);
  const put: Operation[] = [
    { op: "put-neighbour", entry: neighbour },
    { op: "put-fdb", entry: fdb },
    { op: "put-route", route },
  ];

  it("is what flannel makes: neighbour, forwarding entry, route, in one batch with the device", async () => {
    await done(create(device), up(name), ...put);
    expect(await here.json("ip", family, "neigh", "show", "dev", name, "nud", "permanent")).toEqual([
      { dst: neighbour.ip, lladdr: peerMac, state: ["PERMANENT"] },
    ]);
    const entries = await here.json("bridge", "fdb", "show", "dev", name);
    expect(entries).toContainEqual(
      expect.objectContaining({ mac: peerMac, dst: remote, flags: ["self"], state: "permanent" }),
    );
    const [seen] = await here.json("ip", "-d", family, "route", "show", subnet);
    expect(seen).toMatchObject({ type: "unicast", gateway: neighbour.ip, dev: name, protocol: "boot" });
    expect(seen?.flags).toContain("onlink");
    if (family === "-4") expect(seen).toMatchObject({ scope: "global" });
  });

  it("is observed as it was asked for", async () => {
    await done(create(device), up(name), ...put);
    const state = await kernel.observe();
    expect(state.fdb).toContainEqual({ ...fdb, isPermanent: true });
    expect(state.neighbours).toEqual([{ ...neighbour, isPermanent: true }]);
    expect(state.routes).toContainEqual({
      ...route,
      metric: family === "-4" ? 0 : 1024,
      source: null,
    });
  });

  it("is replaced in place: the remote end, the MAC, the way", async () => {
    await done(create(device), up(name), ...put);
    const elsewhere = parseIp(family === "-4" ? "192.0.2.77" : "2001:db8::77");
    const otherMac = parseMac("0e:00:00:00:00:99");
    await done(
      { op: "put-fdb", entry: { ...fdb, remote: elsewhere } },
      { op: "put-neighbour", entry: { ...neighbour, mac: otherMac } },
      { op: "put-route", route: { ...route, via: elsewhere, iface: "eth0", onlink: false, mtuBytes: 1400 } },
    );
    const state = await kernel.observe();
    expect(state.fdb.filter(({ mac }) => mac === peerMac)).toEqual([
      { ...fdb, remote: elsewhere, isPermanent: true },
    ]);
    expect(state.neighbours.map(({ mac }) => mac)).toEqual([otherMac]);
    expect(state.routes.filter(({ dst }) => dst === route.dst)).toMatchObject([
      { via: elsewhere, iface: "eth0", onlink: false, mtuBytes: 1400 },
    ]);
    await done({ op: "delete-route", route: { ...route, via: elsewhere, iface: "eth0" }, metric: 0 });
  });

  it("goes, and going again is no error", async () => {
    await done(create(device), up(name), ...put);
    const remove: Operation[] = [
      { op: "delete-route", route, metric: family === "-4" ? 0 : 1024 },
      { op: "delete-fdb", entry: fdb },
      { op: "delete-neighbour", entry: neighbour },
    ];
    await done(...remove, ...remove);
    const state = await kernel.observe();
    expect(state.neighbours.filter(({ isPermanent }) => isPermanent)).toEqual([]);
    expect(state.fdb.filter(({ mac }) => mac === peerMac)).toEqual([]);
    expect(state.routes.filter(({ dst }) => dst === route.dst)).toEqual([]);
    await done({ op: "delete-link", name }, ...remove);
  });
});

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
  const remaining = async () => (await kernel.observe()).routes.filter((seen) => seen.dst === dst);

  it.each([
    ["gateway", "via 192.0.2.9 dev eth0 proto 116"],
    ["protocol", "via 192.0.2.2 dev eth0 proto static"],
    ["metric", "via 192.0.2.2 dev eth0 proto 116 metric 70"],
  ])("leaves one with another %s alone", async (_, other) => {
    await here.ip(`route add 198.51.100.0/24 ${other}`);
    await done({ op: "delete-route", route, metric: 50 });
    expect(await remaining()).toHaveLength(1);
    await here.ip(`route del 198.51.100.0/24 ${other}`);
  });

  it("finds the one that was seen among several", async () => {
    await here.ip(
      "route add 198.51.100.0/24 via 192.0.2.9 dev eth0 proto 116",
      "route add 198.51.100.0/24 via 192.0.2.2 dev eth0 proto 116 metric 50",
      "route add 198.51.100.0/24 via 192.0.2.2 dev eth0 proto 116 metric 60",
    );
    await done({ op: "delete-route", route, metric: 50 });
    expect((await remaining()).map(({ via, metric }) => [via, metric])).toEqual([
      ["192.0.2.9", 0],
      ["192.0.2.2", 60],
    ]);
    await here.ip("route flush 198.51.100.0/24");
  });
});

describe("routes that others made", () => {
  it("are seen with all that tells them apart, and only those of the main table", async () => {
    await here.ip(
      "route add 198.51.100.0/25 via 192.0.2.2 src 192.0.2.1 metric 7 mtu 1300 proto static",
      "route add 198.51.100.128/26 nexthop via 192.0.2.2 dev eth0 nexthop via 192.0.2.9 dev eth0",
      "route add blackhole 198.51.100.192/26",
      "route add 203.0.113.0/24 via 192.0.2.2 table 100",
      "route add unreachable 203.0.113.0/25",
      "route add 203.0.113.128/25 via inet6 2001:db8::2 dev eth0",
      "route add default via 192.0.2.2",
      "route add ::/0 via 2001:db8::2",
    );
    const { routes } = await kernel.observe();
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
    expect(seen.has("203.0.113.0/25")).toBe(false);
    expect([...seen.keys()].some((dst) => dst.startsWith("127.") || dst.startsWith("ff00"))).toBe(false);
    await here.ip(
      "route flush proto static",
      "route flush proto boot",
      "route flush default",
      "route del ::/0",
    );
  });
});

describe("a route for a packet", () => {
  it("is found, with gateway and source, or found missing", async () => {
    await here.ip("route add 198.51.100.0/24 via 192.0.2.2", "route add blackhole 203.0.113.0/24");
    expect(await kernel.routeTo(parseIp("192.0.2.2"))).toEqual({
      iface: "eth0",
      via: null,
      source: "192.0.2.1",
    });
    expect(await kernel.routeTo(parseIp("198.51.100.9"))).toEqual({
      iface: "eth0",
      via: "192.0.2.2",
      source: "192.0.2.1",
    });
    expect(await kernel.routeTo(parseIp("192.0.2.1"))).toMatchObject({ iface: "lo" });
    expect(await kernel.routeTo(parseIp("203.0.113.1"))).toBeNull();
    expect(await kernel.routeTo(parseIp("8.8.8.8"))).toBeNull();
    expect(await kernel.routeTo(parseIp("2001:db8::2"))).toMatchObject({ iface: "eth0", via: null });
    expect(await kernel.routeTo(parseIp("2001:db8:ffff::1"))).toBeNull();
    await here.ip("route del 198.51.100.0/24", "route del blackhole 203.0.113.0/24");
  });
});

describe("addresses", () => {
  it("are added, seen and taken away; IPv6 is usable at once", async () => {
    const v4 = { iface: "flannel.1", ip: parseIp("10.244.1.0"), length: 32 };
    const v6 = { iface: "flannel.1", ip: parseIp("fd00:10:244:1::"), length: 128 };
    await done(create(flannel), up("flannel.1"));
    await done({ op: "add-address", address: v4 }, { op: "add-address", address: v6 });
    const ofOurs = async () =>
      (await kernel.observe()).addresses.filter(
        ({ iface, isLinkLocal }) => iface === "flannel.1" && !isLinkLocal,
      );
    const seen = await ofOurs();
    expect(seen).toMatchObject([
      { ...v4, isPermanent: true, isTemporary: false },
      { ...v6, isPermanent: true, isTentative: false },
    ]);
    // Again: no error, and still one of each.
    await done({ op: "add-address", address: v4 }, { op: "add-address", address: v6 });
    expect(await ofOurs()).toEqual(seen);
    const remove: Operation[] = [v4, v6].map((address) => ({ op: "delete-address", address }));
    await done(...remove, ...remove);
    expect(await ofOurs()).toEqual([]);
  });

  it("of others are told by what they are", async () => {
    await there.ip("addr add 10.9.0.1/24 dev eth0 valid_lft 900 preferred_lft 0");
    await here.ip("addr add 169.254.7.7/16 dev eth0 valid_lft 900 preferred_lft 600");
    const { addresses } = await kernel.observe();
    expect(addresses.find(({ ip }) => ip === "169.254.7.7")).toMatchObject({
      iface: "eth0",
      length: 16,
      isLinkLocal: true,
      isPermanent: false,
      isDeprecated: false,
    });
    expect(addresses.find(({ ip }) => ip.startsWith("fe80"))).toMatchObject({ isLinkLocal: true });
    expect(addresses.some(({ ip }) => ip === "10.9.0.1")).toBe(false);
    await here.ip("addr del 169.254.7.7/16 dev eth0");
  });
});

describe("a TUN device", () => {
  it.each([false, true])(
    "is made to stay, and deleted like any link (multi-queue: %s)",
    async (multiQueue) => {
      await done({ op: "create-link", link: { kind: "tun", name: "flannel0", mtuBytes: 1472, multiQueue } });
      const [seen] = await here.json("ip", "-d", "link", "show", "flannel0");
      expect(seen).toMatchObject({
        mtu: 1472,
        linkinfo: { info_kind: "tun", info_data: { type: "tun", pi: false, vnet_hdr: false, persist: true } },
      });
      expect((await kernel.observe()).links.find(({ name }) => name === "flannel0")).toMatchObject({
        kind: "tun",
        mtuBytes: 1472,
        tun: { isPersistent: true, multiQueue },
      });
      await done({ op: "delete-link", name: "flannel0" });
      expect((await kernel.observe()).links.some(({ name }) => name === "flannel0")).toBe(false);
    },
  );

  it.each(["flannel0", "eth0"])("is not made where the name %s is taken", async (name) => {
    const link = { kind: "tun", name: "flannel0", mtuBytes: 1472, multiQueue: false } as const;
    await done({ op: "create-link", link });
    expect(await codes({ op: "create-link", link: { ...link, name } })).toEqual(["EEXIST"]);
  });

  it.each(["flannel%d", "", "name-of-16-bytes"])("is not made with the name %j", async (name) => {
    const link = { kind: "tun", name, mtuBytes: 1472, multiQueue: false } as const;
    expect(await codes({ op: "create-link", link })).toEqual(["EINVAL"]);
  });

  it("that is a TAP device is seen as another kind", async () => {
    await here.ip("tuntap add tap0 mode tap");
    expect((await kernel.observe()).links.find(({ name }) => name === "tap0")).toMatchObject({
      kind: "tap",
      tun: null,
    });
    await here.ip("link del tap0");
  });
});

describe("a sysctl", () => {
  it("is written in the namespace, of a device made in the same batch, dot in its name and all", async () => {
    const path = "net/ipv6/conf/flannel.1/accept_ra";
    await done(create(flannel), { op: "write-sysctl", sysctl: { path, value: "0" } });
    expect(readFileSync(`/proc/sys/${path}`, "latin1").trim()).toBe("0");
    expect((await here.exec("cat", `/proc/sys/${path}`)).trim()).toBe("0");
    await done({ op: "write-sysctl", sysctl: { path, value: "2" } });
    expect((await here.exec("cat", `/proc/sys/${path}`)).trim()).toBe("2");
  });

  it("of a device that is not there, or of a value that is refused, is told", async () => {
    expect(
      await codes(
        { op: "write-sysctl", sysctl: { path: "net/ipv6/conf/flannel.1/accept_ra", value: "0" } },
        { op: "write-sysctl", sysctl: { path: "net/ipv4/ip_forward", value: "perhaps" } },
      ),
    ).toEqual(["sysctl-missing", "sysctl-refused"]);
  });
});

describe("ten thousand at once", () => {
  it("are put, dumped whole and replaced, and other work runs meanwhile", async () => {
    const count = 2000;
    const byte = (value: number) => value.toString(16).padStart(2, "0");
    const entries = Array.from({ length: count }, (_, number) => {
      const [high, low] = [number >> 8, number & 255];
      const remote = `172.16.${high}.${low}`;
      const { neighbour, fdb, route } = peer("flannel.1", `10.${high + 1}.${low}.0/24`, remote);
      const mac = parseMac(`0e:00:00:00:${byte(high)}:${byte(low)}`);
      return { neighbour: { ...neighbour, mac }, fdb: { ...fdb, mac }, route };
    });
    const operations: Operation[] = [
      ...entries.map(({ fdb }): Operation => ({ op: "put-fdb", entry: fdb })),
      ...entries.map(({ neighbour }): Operation => ({ op: "put-neighbour", entry: neighbour })),
      ...entries.map(({ route }): Operation => ({ op: "put-route", route })),
    ];
    await done(create(flannel), up("flannel.1"));
    let turns = 0;
    const timer = setInterval(() => {
      turns += 1;
    }, 1);
    await done(...operations);
    clearInterval(timer);
    expect(turns).toBeGreaterThan(5);
    const state = await kernel.observe();
    expect(state.fdb).toHaveLength(count);
    expect(state.neighbours).toHaveLength(count);
    expect(state.routes.filter(({ onlink }) => onlink)).toHaveLength(count);
    await done(...operations);
    expect((await kernel.observe()).fdb).toHaveLength(count);
  });
});
