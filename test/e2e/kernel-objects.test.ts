/**
 * The kernel objects of a node through iproute2's eyes: flannel's, attribute by attribute, and nothing else. The
 * tables here are written down from flannel's documentation and code, not from what the daemon does.
 */
import { readFile } from "node:fs/promises";
import { beforeAll, describe, expect, test } from "vitest";
import type { LabNode } from "../../src/lab/topology.ts";
import { run } from "../../src/runtime/program.ts";
import { type Entry, type NetworkTables, readTables, selectTables } from "../support/network-tables.ts";
import { type Published, readPublished } from "../support/published-leases.ts";
import { type TestLab, useLab } from "../support/test-lab.ts";

/** What the lab makes itself. */
const LAB_DEVICES: ReadonlySet<string> = new Set(["lo", "eth0", "cni0", "pod"]);

describe("vxlan, both families", () => {
  const bed = useLab({
    name: "objvx",
    nodes: 3,
    backend: { Type: "vxlan" },
    store: "file",
    families: "dual",
  });
  const seen = see(bed);

  test("ip -d link: one device for each family", () => {
    expect(seen.tables.links).toEqual([
      vxlanLink("flannel-v6.1", seen.own.mac6, 1430, { id: 1, local6: "fd00:198:18::1:1" }),
      vxlanLink("flannel.1", seen.own.mac4, 1450, { id: 1, local: "198.18.1.1" }),
    ]);
  });

  test("ip address: the network address of the own subnet, a single host", () => {
    expect(seen.tables.addresses.map(({ ifname, local, prefixlen }) => [ifname, local, prefixlen])).toEqual([
      ["flannel-v6.1", seen.own.net6, 128],
      ["flannel.1", seen.own.net4, 32],
    ]);
  });

  test("ip route: each peer's subnet, through its network address, on link", () => {
    expect(seen.tables.routes).toEqual(
      inOrder(
        seen.peers.flatMap(({ net4, net6 }) => [
          route4(`${net4}/24`, { gateway: net4, dev: "flannel.1", protocol: "boot", flags: ["onlink"] }),
          route6(`${net6}/64`, { gateway: net6, dev: "flannel-v6.1", protocol: "boot", flags: ["onlink"] }),
        ]),
      ),
    );
  });

  test("ip neigh: each peer's network address has its MAC, for ever", () => {
    expect(seen.tables.neighbours).toEqual(
      inOrder(
        seen.peers.flatMap(({ net4, mac4, net6, mac6 }) => [
          { dst: net4, dev: "flannel.1", lladdr: mac4, state: ["PERMANENT"] },
          { dst: net6, dev: "flannel-v6.1", lladdr: mac6, state: ["PERMANENT"] },
        ]),
      ),
    );
  });

  test("bridge fdb: each peer's MAC is at its public address", () => {
    expect(seen.tables.fdb).toEqual(
      inOrder(
        seen.peers.flatMap(({ ip4, mac4, ip6, mac6 }) => [
          { mac: mac4, ifname: "flannel.1", dst: ip4, flags: ["self"], state: "permanent" },
          { mac: mac6, ifname: "flannel-v6.1", dst: ip6, flags: ["self"], state: "permanent" },
        ]),
      ),
    );
  });

  test.each(["flannel.1", "flannel-v6.1"])("%s takes no router advertisements", async (device) => {
    const path = `/proc/sys/net/ipv6/conf/${device}/accept_ra`;
    const text = await run("ip", ["netns", "exec", bed.node(1).namespace, "cat", path]);
    expect(text.trim()).toBe("0");
  });

  test("MAC addresses are local and of one station", () => {
    for (const { mac4, mac6 } of [seen.own, ...seen.peers]) {
      for (const mac of [mac4, mac6]) expect(Number.parseInt(String(mac).slice(0, 2), 16) & 3).toBe(2);
    }
  });

  test("subnet.env is flannel's, byte for byte", async () => {
    const { net4, net6 } = seen.own;
    expect(await readFile(`${bed.node(1).directory}/subnet.env`, "utf8")).toBe(
      `FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=${net4?.replace(/0$/, "1")}/24\n` +
        `FLANNEL_IPV6_NETWORK=fd00:10:244::/48\nFLANNEL_IPV6_SUBNET=${net6}1/64\n` +
        "FLANNEL_MTU=1450\nFLANNEL_IPMASQ=false\n",
    );
  });
});

describe("vxlan with DirectRouting, all peers on the same link", () => {
  const backend = { Type: "vxlan", DirectRouting: true };
  const seen = see(useLab({ name: "objdr", nodes: 3, backend, store: "file", families: "dual" }));

  test("the devices are there, with nothing on them but their address", () => {
    expect(seen.tables.links.map((link) => link.ifname)).toEqual(["flannel-v6.1", "flannel.1"]);
    expect(seen.tables.addresses.map(({ local }) => local)).toEqual([seen.own.net6, seen.own.net4]);
    expect(seen.tables.neighbours).toEqual([]);
    expect(seen.tables.fdb).toEqual([]);
  });

  test("each peer's subnet is routed through its own address", () => {
    expect(seen.tables.routes).toEqual(directRoutes(seen.peers));
  });
});

describe("host-gw, both families", () => {
  const backend = { Type: "host-gw" };
  const bed = useLab({ name: "objgw", nodes: 3, backend, store: "file", families: "dual" });
  const seen = see(bed);

  test("each peer's subnet is routed through its own address, and there is nothing else", () => {
    expect(seen.tables).toEqual({
      links: [],
      addresses: [],
      routes: directRoutes(seen.peers),
      neighbours: [],
      fdb: [],
    });
  });

  test("pods get the whole MTU", async () => {
    expect(await readFile(`${bed.node(1).directory}/subnet.env`, "utf8")).toContain("FLANNEL_MTU=1500\n");
  });
});

describe("vxlan with every option", () => {
  const backend = { Type: "VXLAN", vni: 42, port: 4789, mtu: 1400, GBP: true, learning: true };
  const bed = useLab({ name: "objopt", nodes: 2, backend, store: "file", families: "v4" });
  const seen = see(bed);

  test("they are on the device", () => {
    expect(seen.tables.links).toEqual([
      vxlanLink("flannel.42", seen.own.mac4, 1350, {
        id: 42,
        local: "198.18.1.1",
        port: 4789,
        learning: true,
        gbp: true,
      }),
    ]);
  });

  test("routes, neighbours and entries lead through it", () => {
    const [{ net4, mac4, ip4 }] = seen.peers as [Published];
    expect(seen.tables.routes).toEqual([
      route4(`${net4}/24`, { gateway: net4, dev: "flannel.42", protocol: "boot", flags: ["onlink"] }),
    ]);
    expect(seen.tables.neighbours).toEqual([
      { dst: net4, dev: "flannel.42", lladdr: mac4, state: ["PERMANENT"] },
    ]);
    expect(seen.tables.fdb).toEqual([
      { mac: mac4, ifname: "flannel.42", dst: ip4, flags: ["self"], state: "permanent" },
    ]);
  });
});

/** Attributes that flannel sets, or leaves to the kernel on purpose, and what iproute2 calls them. */
function vxlanLink(ifname: string, address: string | undefined, mtu: number, data: Entry): Entry {
  return {
    ifname,
    flags: ["BROADCAST", "MULTICAST", "UP", "LOWER_UP"],
    mtu,
    address,
    // A queue length of 0 is what iproute2 leaves out.
    txqlen: undefined,
    linkinfo: {
      info_kind: "vxlan",
      info_data: {
        link: "eth0",
        port_range: { low: 0, high: 0 },
        port: 8472,
        learning: false,
        ttl: 0,
        df: "unset",
        ageing: 300,
        udp_csum: true,
        udp_zero_csum6_tx: false,
        udp_zero_csum6_rx: false,
        ...data,
      },
    },
  };
}

function route4(dst: string, way: Entry): Entry {
  return { type: "unicast", dst, scope: "global", ...way };
}

/** The kernel gives IPv6 routes a metric and a preference when nobody does. */
function route6(dst: string, way: Entry): Entry {
  return { type: "unicast", dst, scope: "global", metric: 1024, pref: "medium", ...way };
}

/** 116 is our own rtm_protocol: such routes lie on a device that is not ours, and are known by it. */
function directRoutes(peers: readonly Published[]): readonly Entry[] {
  return inOrder(
    peers.flatMap(({ net4, ip4, net6, ip6 }) => [
      route4(`${net4}/24`, { gateway: ip4, dev: "eth0", protocol: "116", flags: [] }),
      route6(`${net6}/64`, { gateway: ip6, dev: "eth0", protocol: "116", flags: [] }),
    ]),
  );
}

interface Seen {
  readonly own: Published;
  readonly peers: readonly Published[];
  /** Of node 1, without what the lab and the kernel put there by themselves. */
  readonly tables: NetworkTables;
}

/** Filled before the tests of the enclosing suite. */
function see(bed: TestLab): Seen {
  const seen: { -readonly [Key in keyof Seen]?: Seen[Key] } = {};
  beforeAll(async () => {
    const leases = await readPublished(bed.lab);
    const isOwn = ({ ip4 }: Published) => ip4 === "198.18.1.1";
    const own = leases.find(isOwn);
    if (own === undefined) throw new Error("node1 has no lease");
    seen.own = own;
    seen.peers = leases.filter((lease) => !isOwn(lease));
    seen.tables = await readOwnTables(bed.node(1));
  });
  return seen as Seen;
}

async function readOwnTables(node: LabNode): Promise<NetworkTables> {
  const tables = selectTables(await readTables(node.namespace), (device, entry) => {
    if (entry.protocol === "kernel" || entry.scope === "link") return false;
    // On the lab's own devices everything that leads somewhere counts but for the default routes.
    return !LAB_DEVICES.has(device) || (entry.dst !== undefined && entry.dst !== "default");
  });
  const links = tables.links.map(({ ifname, flags, mtu, address, txqlen, linkinfo }) => ({
    ifname,
    flags,
    mtu,
    address,
    txqlen,
    linkinfo,
  }));
  return {
    ...tables,
    links,
    routes: inOrder(tables.routes),
    fdb: inOrder(tables.fdb),
    neighbours: inOrder(tables.neighbours),
  };
}

/** Sorts by text, whatever the order of keys. */
function inOrder(entries: readonly Entry[]): readonly Entry[] {
  const text = (entry: Entry) => JSON.stringify(Object.entries(entry).sort());
  return entries.toSorted((a, b) => (text(a) < text(b) ? -1 : 1));
}
