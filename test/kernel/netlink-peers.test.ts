/** What a peer needs of the kernel, made by LinuxKernel, as iproute2 sees it. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Operation } from "../../src/kernel/operation.ts";
import type { VxlanLink } from "../../src/kernel/state.ts";
import { parseIp, parseMac } from "../../src/net/index.ts";
import { FLANNEL_LINK, PEER_MAC } from "../support/flannel-samples.ts";
import { NetlinkHost, peer } from "../support/netlink-host.ts";

let host: NetlinkHost;

beforeAll(async () => {
  host = await NetlinkHost.open("nlpeers");
});
afterAll(() => host.close());
beforeEach(() => host.removeDevices("flannel.1", "flannel-v6.1"));

const flannel6: VxlanLink = { ...FLANNEL_LINK, name: "flannel-v6.1", local: parseIp("2001:db8::1") };
const create = (link: VxlanLink): Operation => ({ op: "create-link", link });
const up = (name: string): Operation => ({ op: "set-link", name, up: true });

const PEERS = [
  [FLANNEL_LINK, "10.244.3.0/24", "192.0.2.2", "-4"],
  [flannel6, "fd00:10:244:3::/64", "2001:db8::2", "-6"],
] as const;

describe.each(PEERS)("a peer of %o at %s", ({ name }, subnet, remote, family) => {
  const device = name === "flannel.1" ? FLANNEL_LINK : flannel6;
  const { neighbour, fdb, route } = peer(name, subnet, remote);
  const put: Operation[] = [
    { op: "put-neighbour", entry: neighbour },
    { op: "put-fdb", entry: fdb },
    { op: "put-route", route },
  ];

  it("is what FLANNEL_LINK makes: neighbour, forwarding entry, route, in one batch with the device", async () => {
    await host.done(create(device), up(name), ...put);
    expect(await host.here.json("ip", family, "neigh", "show", "dev", name, "nud", "permanent")).toEqual([
      { dst: neighbour.ip, lladdr: PEER_MAC, state: ["PERMANENT"] },
    ]);
    const entries = await host.here.json("bridge", "fdb", "show", "dev", name);
    expect(entries).toContainEqual(
      expect.objectContaining({ mac: PEER_MAC, dst: remote, flags: ["self"], state: "permanent" }),
    );
    const [seen] = await host.here.json("ip", "-d", family, "route", "show", subnet);
    expect(seen).toMatchObject({ type: "unicast", gateway: neighbour.ip, dev: name, protocol: "boot" });
    expect(seen?.flags).toContain("onlink");
    if (family === "-4") expect(seen).toMatchObject({ scope: "global" });
  });

  it("is observed as it was asked for", async () => {
    await host.done(create(device), up(name), ...put);
    const state = await host.kernel.observe();
    expect(state.fdb).toContainEqual({ ...fdb, isPermanent: true });
    expect(state.neighbours).toEqual([{ ...neighbour, isPermanent: true }]);
    expect(state.routes).toContainEqual({
      ...route,
      metric: family === "-4" ? 0 : 1024,
      source: null,
    });
  });

  it("is replaced in place: the remote end, the MAC, the way", async () => {
    await host.done(create(device), up(name), ...put);
    const elsewhere = parseIp(family === "-4" ? "192.0.2.77" : "2001:db8::77");
    const otherMac = parseMac("0e:00:00:00:00:99");
    await host.done(
      { op: "put-fdb", entry: { ...fdb, remote: elsewhere } },
      { op: "put-neighbour", entry: { ...neighbour, mac: otherMac } },
      { op: "put-route", route: { ...route, via: elsewhere, iface: "eth0", onlink: false, mtuBytes: 1400 } },
    );
    const state = await host.kernel.observe();
    expect(state.fdb.filter(({ mac }) => mac === PEER_MAC)).toEqual([
      { ...fdb, remote: elsewhere, isPermanent: true },
    ]);
    expect(state.neighbours.map(({ mac }) => mac)).toEqual([otherMac]);
    expect(state.routes.filter(({ dst }) => dst === route.dst)).toMatchObject([
      { via: elsewhere, iface: "eth0", onlink: false, mtuBytes: 1400 },
    ]);
    await host.done({ op: "delete-route", route: { ...route, via: elsewhere, iface: "eth0" }, metric: 0 });
  });

  it("goes, and going again is no error", async () => {
    await host.done(create(device), up(name), ...put);
    const remove: Operation[] = [
      { op: "delete-route", route, metric: family === "-4" ? 0 : 1024 },
      { op: "delete-fdb", entry: fdb },
      { op: "delete-neighbour", entry: neighbour },
    ];
    await host.done(...remove, ...remove);
    const state = await host.kernel.observe();
    expect(state.neighbours.filter(({ isPermanent }) => isPermanent)).toEqual([]);
    expect(state.fdb.filter(({ mac }) => mac === PEER_MAC)).toEqual([]);
    expect(state.routes.filter(({ dst }) => dst === route.dst)).toEqual([]);
    await host.done({ op: "delete-link", name }, ...remove);
  });
});

describe("6,000 at once", () => {
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
    await host.done(create(FLANNEL_LINK), up("flannel.1"));
    let turns = 0;
    const countTurns = () => {
      turns += 1;
      next = setImmediate(countTurns);
    };
    let next = setImmediate(countTurns);
    await host.done(...operations);
    clearImmediate(next);
    expect(turns).toBeGreaterThan(5);
    const state = await host.kernel.observe();
    expect(state.fdb).toHaveLength(count);
    expect(state.neighbours).toHaveLength(count);
    expect(state.routes.filter(({ onlink }) => onlink)).toHaveLength(count);
    await host.done(...operations);
    expect((await host.kernel.observe()).fdb).toHaveLength(count);
  });
});
