/**
 * The kernel objects of a node through iproute2's eyes: flannel's, attribute by attribute, and nothing else. The
 * tables here are written down from flannel's documentation and code, not from what the daemon does.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type LabSpec, labNetworkConfig } from "../../src/lab/topology.ts";
import { eventually } from "../support/eventually.ts";
import { flannelPeer, publishFlannelPeer } from "../support/flannel-peers.ts";
import { LoneNode } from "../support/lone-node.ts";
import { type Entry, type NetworkTables, readTables, selectTables } from "../support/network-tables.ts";
import type { Published } from "../support/published-leases.ts";

/** What is there without a daemon. */
const FOREIGN_DEVICES: ReadonlySet<string> = new Set(["lo", "eth0", "cable"]);

const PEERS = [2, 3].map(flannelPeer);

let node: LoneNode;
let own: Published;
/** Without what the test and the kernel put there by themselves. */
let tables: NetworkTables;

beforeAll(async () => {
  node = await LoneNode.create("objects");
});
afterAll(() => node.delete());

/** Has a daemon of its own for the tests of the enclosing suite, on the host that the one before left. */
function useBackend(backend: LabSpec["backend"], families: LabSpec["families"] = "dual"): void {
  beforeAll(async () => {
    await node.forget();
    await node.configure(labNetworkConfig({ families, backend }));
    const type = backend.Type === "host-gw" ? "host-gw" : "vxlan";
    const vni = typeof backend.vni === "number" ? backend.vni : 1;
    for (const peer of PEERS) await publishFlannelPeer(node.store, peer, type, vni);
    node.start([...node.flags, "--iface=eth0"]);
  });
  beforeEach(async () => {
    await eventually(() => node.page("/readyz")).toMatchObject({ status: 200 });
    own = await node.ownLease();
    tables = await readOwnTables();
  });
}

describe("vxlan, both families", () => {
  useBackend({ Type: "vxlan" });

  test("ip -d link: one device for each family", () => {
    expect(tables.links).toEqual([
      vxlanLink("flannel-v6.1", own.mac6, 1430, { id: 1, local6: "fd00:198:18::1:1" }),
      vxlanLink("flannel.1", own.mac4, 1450, { id: 1, local: "198.18.1.1" }),
    ]);
  });

  test("ip address: the network address of the own subnet, a single host", () => {
    expect(tables.addresses.map(({ ifname, local, prefixlen }) => [ifname, local, prefixlen])).toEqual([
      ["flannel-v6.1", own.net6, 128],
      ["flannel.1", own.net4, 32],
    ]);
  });

  test("ip route: each peer's subnet, through its network address, on link", () => {
    expect(tables.routes).toEqual(
      inOrder(
        PEERS.flatMap(({ net4, net6 }) => [
          route4(`${net4}/24`, { gateway: net4, dev: "flannel.1", protocol: "boot", flags: ["onlink"] }),
          route6(`${net6}/64`, { gateway: net6, dev: "flannel-v6.1", protocol: "boot", flags: ["onlink"] }),
        ]),
      ),
    );
  });

  test("ip neigh: each peer's network address has its MAC, for ever", () => {
    expect(tables.neighbours).toEqual(
      inOrder(
        PEERS.flatMap(({ net4, mac4, net6, mac6 }) => [
          { dst: net4, dev: "flannel.1", lladdr: mac4, state: ["PERMANENT"] },
          { dst: net6, dev: "flannel-v6.1", lladdr: mac6, state: ["PERMANENT"] },
        ]),
      ),
    );
  });

  test("bridge fdb: each peer's MAC is at its public address", () => {
    expect(tables.fdb).toEqual(
      inOrder(
        PEERS.flatMap(({ ip4, mac4, ip6, mac6 }) => [
          { mac: mac4, ifname: "flannel.1", dst: ip4, flags: ["self"], state: "permanent" },
          { mac: mac6, ifname: "flannel-v6.1", dst: ip6, flags: ["self"], state: "permanent" },
        ]),
      ),
    );
  });

  test.each(["flannel.1", "flannel-v6.1"])("%s takes no router advertisements", async (device) => {
    const text = await node.host.exec("cat", `/proc/sys/net/ipv6/conf/${device}/accept_ra`);
    expect(text.trim()).toBe("0");
  });

  test("MAC addresses are local and of one station", () => {
    for (const mac of [own.mac4, own.mac6]) expect(Number.parseInt(String(mac).slice(0, 2), 16) & 3).toBe(2);
  });

  test("subnet.env is flannel's, byte for byte", async () => {
    const { net4, net6 } = own;
    expect(await node.subnetEnv()).toBe(
      `FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=${net4.replace(/0$/, "1")}/24\n` +
        `FLANNEL_IPV6_NETWORK=fd00:10:244::/48\nFLANNEL_IPV6_SUBNET=${net6}1/64\n` +
        "FLANNEL_MTU=1450\nFLANNEL_IPMASQ=false\n",
    );
  });
});

describe("vxlan with DirectRouting, all peers on the same link", () => {
  useBackend({ Type: "vxlan", DirectRouting: true });

  test("the devices are there, with nothing on them but their address", () => {
    expect(tables.links.map((link) => link.ifname)).toEqual(["flannel-v6.1", "flannel.1"]);
    expect(tables.addresses.map(({ local }) => local)).toEqual([own.net6, own.net4]);
    expect(tables.neighbours).toEqual([]);
    expect(tables.fdb).toEqual([]);
  });

  test("each peer's subnet is routed through its own address", () => {
    expect(tables.routes).toEqual(directRoutes());
  });
});

describe("host-gw, both families", () => {
  useBackend({ Type: "host-gw" });

  test("each peer's subnet is routed through its own address, and there is nothing else", () => {
    expect(tables).toEqual({ links: [], addresses: [], routes: directRoutes(), neighbours: [], fdb: [] });
  });

  test("pods get the whole MTU", async () => {
    expect(await node.subnetEnv()).toContain("FLANNEL_MTU=1500\n");
  });
});

describe("vxlan with every option", () => {
  useBackend({ Type: "VXLAN", vni: 42, port: 4789, mtu: 1400, GBP: true, learning: true }, "v4");

  test("they are on the device", () => {
    expect(tables.links).toEqual([
      vxlanLink("flannel.42", own.mac4, 1350, {
        id: 42,
        local: "198.18.1.1",
        port: 4789,
        learning: true,
        gbp: true,
      }),
    ]);
  });

  test("routes, neighbours and entries lead through it", () => {
    const onDevice = { dev: "flannel.42" };
    expect(tables.routes).toEqual(
      PEERS.map(({ net4 }) =>
        route4(`${net4}/24`, { gateway: net4, ...onDevice, protocol: "boot", flags: ["onlink"] }),
      ),
    );
    expect(tables.neighbours).toEqual(
      PEERS.map(({ net4, mac4 }) => ({
        dst: net4,
        ...onDevice,
        lladdr: mac4,
        state: ["PERMANENT"],
      })),
    );
    expect(tables.fdb).toEqual(
      PEERS.map(({ mac4, ip4 }) => ({
        mac: mac4,
        ifname: "flannel.42",
        dst: ip4,
        flags: ["self"],
        state: "permanent",
      })),
    );
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
function directRoutes(): readonly Entry[] {
  return inOrder(
    PEERS.flatMap(({ net4, ip4, net6, ip6 }) => [
      route4(`${net4}/24`, { gateway: ip4, dev: "eth0", protocol: "116", flags: [] }),
      route6(`${net6}/64`, { gateway: ip6, dev: "eth0", protocol: "116", flags: [] }),
    ]),
  );
}

async function readOwnTables(): Promise<NetworkTables> {
  const all = selectTables(await readTables(node.host.name), (device, entry) => {
    if (entry.protocol === "kernel" || entry.scope === "link") return false;
    // On devices of others everything that leads somewhere counts but for the default routes.
    return !FOREIGN_DEVICES.has(device) || (entry.dst !== undefined && entry.dst !== "default");
  });
  const links = all.links.map(({ ifname, flags, mtu, address, txqlen, linkinfo }) => ({
    ifname,
    flags,
    mtu,
    address,
    txqlen,
    linkinfo,
  }));
  return {
    ...all,
    links,
    routes: inOrder(all.routes),
    fdb: inOrder(all.fdb),
    neighbours: inOrder(all.neighbours),
  };
}

/** Sorts by text, whatever the order of keys. */
function inOrder(entries: readonly Entry[]): readonly Entry[] {
  const text = (entry: Entry) => JSON.stringify(Object.entries(entry).sort());
  return entries.toSorted((a, b) => (text(a) < text(b) ? -1 : 1));
}
