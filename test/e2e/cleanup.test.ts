/** `tweed cleanup` takes away what is Tweed's on a host, and nothing else. */
import { access, readdir } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { labNetworkConfig } from "../../src/lab/topology.ts";
import { eventually } from "../support/eventually.ts";
import { flannelPeer, publishFlannelPeer } from "../support/flannel-peers.ts";
import { addForeignObjects } from "../support/foreign-objects.ts";
import { LoneNode } from "../support/lone-node.ts";
import { type NetworkTables, readTables, selectTables } from "../support/network-tables.ts";
import { tweed } from "../support/test-lab.ts";

/** What is on a device goes with it. */
const DEVICES = ["delete link flannel.1", "delete link flannel-v6.1"];
const PEERS = [2, 3].map(flannelPeer);
const ROUTES = PEERS.map(({ net4, ip4 }) => `delete route ${net4}/24 via ${ip4} dev eth0`);
const ROUTES6 = PEERS.map(({ net6, ip6 }) => `delete route ${net6}/64 via ${ip6} dev eth0`);

let node: LoneNode;
beforeAll(async () => {
  node = await LoneNode.create("cleanup");
  await addForeignObjects(node.host.name);
});
afterAll(() => node.delete());

const cleanup = (...flags: readonly string[]) =>
  tweed(["cleanup", `--subnet-file=${node.subnetFile}`, ...flags], node.host.name);

describe.each([
  { type: "vxlan", options: {}, deleted: DEVICES },
  { type: "vxlan", options: { DirectRouting: true }, deleted: [...ROUTES, ...ROUTES6, ...DEVICES] },
  { type: "host-gw", options: {}, deleted: [...ROUTES, ...ROUTES6] },
] as const)("$type, $options", ({ type, options, deleted }) => {
  let before: NetworkTables;
  let said: string;

  test("--dry-run says what would go, and changes nothing", async () => {
    await node.forget();
    await node.configure(labNetworkConfig({ families: "dual", backend: { Type: type, ...options } }));
    for (const peer of PEERS) await publishFlannelPeer(node.store, peer, type);
    node.start([...node.flags, "--iface=eth0"]);
    await eventually(() => node.page("/readyz")).toMatchObject({ status: 200 });
    expect(await node.daemon.stop()).toBe(0);
    before = await readTables(node.host.name);
    expect(withoutOurs(before)).not.toEqual(before);

    const { exitCode, stdout } = await cleanup("--dry-run");
    said = stdout;
    expect(exitCode).toBe(0);
    const lines = said.trimEnd().split("\n");
    const rules = lines.filter((line) => /^delete (nftables|iptables)/.test(line));
    expect(rules).toContain("delete nftables table inet tweed-packet-filter");
    expect(lines).toEqual([...deleted, ...rules, `remove ${node.subnetFile}`]);
    expect(await readTables(node.host.name)).toEqual(before);
    await access(node.subnetFile);
  });

  test("without it everything of ours goes, and nothing else", async () => {
    expect(await cleanup()).toEqual({ exitCode: 0, stdout: said, stderr: "" });
    expect(await readTables(node.host.name)).toEqual(withoutOurs(before));
    expect(await readdir(node.directory)).toEqual(["store"]);
    expect(await node.host.exec("nft", "list", "ruleset")).not.toMatch(/flannel|tweed/i);
  });
});

test("once more with the network's name: there is nothing left", async () => {
  const { exitCode, stdout } = await cleanup("--network=10.244.0.0/16", "--network=fd00:10:244::/48");
  expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: "nothing to remove\n" });
});

test("without a subnet file and a network it refuses", async () => {
  const { exitCode, stderr } = await cleanup();
  expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: expect.stringContaining("--network") });
});

/** Devices of ours with all that is on them, and routes to peers over the underlay. */
function withoutOurs(tables: NetworkTables): NetworkTables {
  return selectTables(
    tables,
    (device, { protocol, dst }) =>
      !/^flannel(-v6)?\.1$/.test(device) && !(protocol === "116" && device === "eth0" && isPeerSubnet(dst)),
  );
}

/** 172.31.0.0/16 carries our protocol number too, but lies outside the network. */
function isPeerSubnet(dst: unknown): boolean {
  return /^(10\.244\.(?!0\.0\/16)|fd00:10:244:)/.test(String(dst));
}
