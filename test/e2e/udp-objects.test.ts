/** A node's kernel objects and its lease under the UDP backend: flannel's, attribute by attribute. */
import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type LabFamilies, labNetworkConfig } from "../../src/lab/topology.ts";
import { eventually } from "../support/eventually.ts";
import { LoneNode } from "../support/lone-node.ts";
import { type Entry, type NetworkTables, readTables, selectTables } from "../support/network-tables.ts";
import { leaseFile, type Published } from "../support/published-leases.ts";

const CASES: readonly { readonly families: LabFamilies; readonly mtu: number }[] = [
  { families: "v4", mtu: 1472 },
  { families: "dual", mtu: 1452 },
];

let node: LoneNode;
beforeAll(async () => {
  node = await LoneNode.create("objudp");
});
afterAll(() => node.delete());

describe.each(CASES)("udp, $families", ({ families, mtu }) => {
  const isDual = families === "dual";
  let tables: NetworkTables;
  let own: Published;

  beforeAll(async () => {
    await node.forget();
    await node.configure(labNetworkConfig({ families, backend: { Type: "udp" } }));
    node.start([...node.flags, "--iface=eth0"]);
  });
  beforeEach(async () => {
    await eventually(() => node.page("/readyz")).toMatchObject({ status: 200 });
    own = await node.ownLease();
    tables = selectTables(await readTables(node.host.name), (device) => device === "flannel0");
  });

  test("flannel0 is a TUN device that goes with the daemon, of the underlay's MTU less the outer headers", () => {
    expect(tables.links).toEqual([
      expect.objectContaining({
        ifname: "flannel0",
        flags: ["POINTOPOINT", "MULTICAST", "NOARP", "UP", "LOWER_UP"],
        mtu,
        link_type: "none",
        linkinfo: {
          info_kind: "tun",
          info_data: expect.objectContaining({ type: "tun", pi: false, vnet_hdr: true, persist: false }),
        },
      }),
    ]);
  });

  test("it has the network address of the own subnet, a single host", () => {
    const global = tables.addresses.filter(({ scope }) => scope === "global");
    expect(global.map(({ local, prefixlen }) => [local, prefixlen])).toEqual([
      [own.net4, 32],
      ...(isDual ? [[own.net6, 128]] : []),
    ]);
  });

  test("one route takes the whole network, and nothing else leads there", () => {
    const given = tables.routes.filter(({ protocol }) => protocol !== "kernel");
    const route4: Entry = { type: "unicast", dst: "10.244.0.0/16", dev: "flannel0", protocol: "boot" };
    const route6: Entry = { type: "unicast", dst: "fd00:10:244::/48", dev: "flannel0", protocol: "boot" };
    expect(given).toEqual([
      expect.objectContaining({ ...route4, scope: "global", flags: [] }),
      ...(isDual ? [expect.objectContaining(route6)] : []),
    ]);
    expect(given.every((route) => !("gateway" in route))).toBe(true);
    expect([...tables.neighbours, ...tables.fdb]).toEqual([]);
  });

  test("the lease is published as flannel does it: no backend type, no backend data", async () => {
    const key = isDual ? `${own.net4}-24&${own.net6}-64` : `${own.net4}-24`;
    const text = await readFile(leaseFile(node.store, key), "utf8");
    const publicIpv6 = isDual ? '"fd00:198:18::1:1"' : "null";
    // What follows is the file store's own and any extension of ours: flannel ignores names it does not know.
    expect(text).toMatch(`{"PublicIP":"198.18.1.1","PublicIPv6":${publicIpv6},"`);
    expect(Object.keys(JSON.parse(text))).not.toContain("BackendType");
    expect(Object.keys(JSON.parse(text))).not.toContain("BackendData");
    expect(Object.keys(JSON.parse(text))).not.toContain("BackendV6Data");
  });

  test("subnet.env is flannel's, byte for byte", async () => {
    const lines6 = `FLANNEL_IPV6_NETWORK=fd00:10:244::/48\nFLANNEL_IPV6_SUBNET=${own.net6}1/64\n`;
    expect(await node.subnetEnv()).toBe(
      `FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=${own.net4.replace(/0$/, "1")}/24\n` +
        `${isDual ? lines6 : ""}FLANNEL_MTU=${mtu}\nFLANNEL_IPMASQ=false\n`,
    );
  });
});
