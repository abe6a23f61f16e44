/** A node's kernel objects and its lease under the UDP backend: flannel's, attribute by attribute. */
import { readdir, readFile } from "node:fs/promises";
import { beforeAll, describe, expect, test } from "vitest";
import type { LabFamilies } from "../../src/lab/topology.ts";
import { labDirectory } from "../../src/lab/topology.ts";
import { type Entry, type NetworkTables, readTables, selectTables } from "../support/network-tables.ts";
import { useLab } from "../support/test-lab.ts";

const CASES: readonly { readonly families: LabFamilies; readonly name: string; readonly mtu: number }[] = [
  { families: "v4", name: "objudp4", mtu: 1472 },
  { families: "dual", name: "objudp46", mtu: 1452 },
];

describe.each(CASES)("udp, $families", ({ families, name, mtu }) => {
  const bed = useLab({ name, nodes: 2, backend: { Type: "udp" }, store: "file", families });
  const isDual = families === "dual";
  let tables: NetworkTables;
  let leases: readonly string[];
  /** Network addresses of the own subnet. */
  let net4: string;
  let net6: string | undefined;

  beforeAll(async () => {
    tables = selectTables(await readTables(bed.node(1).namespace), (device) => device === "flannel0");
    leases = await readdir(`${labDirectory(name)}/store/subnets`);
    for (const lease of leases) {
      const text = await readFile(`${labDirectory(name)}/store/subnets/${lease}`, "utf8");
      if (!text.includes('"198.18.1.1"')) continue;
      [, net4 = "", , net6] = /^([\d.]+)-24(&(.+)-64)?\.json$/.exec(lease) ?? [];
    }
  });

  test("flannel0 is a persistent TUN device of the underlay's MTU less the outer headers", () => {
    expect(tables.links).toEqual([
      expect.objectContaining({
        ifname: "flannel0",
        flags: ["POINTOPOINT", "MULTICAST", "NOARP", "UP", "LOWER_UP"],
        mtu,
        link_type: "none",
        linkinfo: {
          info_kind: "tun",
          info_data: expect.objectContaining({ type: "tun", pi: false, vnet_hdr: true, persist: true }),
        },
      }),
    ]);
  });

  test("it has the network address of the own subnet, a single host", () => {
    const global = tables.addresses.filter(({ scope }) => scope === "global");
    expect(global.map(({ local, prefixlen }) => [local, prefixlen])).toEqual([
      [net4, 32],
      ...(isDual ? [[net6, 128]] : []),
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
    const text = await readFile(
      `${labDirectory(name)}/store/subnets/${leases.find((file) => file.startsWith(`${net4}-`))}`,
      "utf8",
    );
    const publicIpv6 = isDual ? '"fd00:198:18::1:1"' : "null";
    // What follows is the file store's own and any extension of ours: flannel ignores names it does not know.
    expect(text).toMatch(`{"PublicIP":"198.18.1.1","PublicIPv6":${publicIpv6},"`);
    expect(Object.keys(JSON.parse(text))).not.toContain("BackendType");
    expect(Object.keys(JSON.parse(text))).not.toContain("BackendData");
    expect(Object.keys(JSON.parse(text))).not.toContain("BackendV6Data");
  });

  test("subnet.env is flannel's, byte for byte", async () => {
    const lines6 = `FLANNEL_IPV6_NETWORK=fd00:10:244::/48\nFLANNEL_IPV6_SUBNET=${net6}1/64\n`;
    expect(await readFile(`${bed.node(1).directory}/subnet.env`, "utf8")).toBe(
      `FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=${net4.replace(/0$/, "1")}/24\n` +
        `${isDual ? lines6 : ""}FLANNEL_MTU=${mtu}\nFLANNEL_IPMASQ=false\n`,
    );
  });
});
