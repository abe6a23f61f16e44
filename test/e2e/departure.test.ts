/**
 * A node leaves: nothing of it stays on the others, nothing else is touched. The leases are in etcd, under flannel's
 * keys, and go as an operator deletes them.
 */
import { readFile } from "node:fs/promises";
import { beforeAll, expect, test } from "vitest";
import { subnetFile } from "../../src/lab/daemon.ts";
import type { LabNode } from "../../src/lab/topology.ts";
import { DEADLINE_MS, eventually } from "../support/eventually.ts";
import { addForeignObjects, readForeignObjects } from "../support/foreign-objects.ts";
import { type NetworkTables, readTables, selectTables } from "../support/network-tables.ts";
import { useLab } from "../support/test-lab.ts";

const bed = useLab({ name: "depart", nodes: 3, backend: { Type: "vxlan" }, store: "etcd", families: "dual" });
let foreign: NetworkTables;

beforeAll(async () => {
  await addForeignObjects(bed.node(1).namespace);
  foreign = await readForeignObjects(bed.node(1).namespace);
  expect(foreign).toMatchObject({ links: { length: 3 }, neighbours: { length: 3 } });
});

test("a lease deleted: its objects are gone from every node", async () => {
  const [one, two, leaver] = [1, 2, 3].map(bed.node) as [LabNode, LabNode, LabNode];
  const stayers = [one, two];
  const before = await Promise.all(stayers.map(readTunnel));
  const traces = await tracesOf(leaver);
  for (const tables of before) {
    expect(selectTraces(tables, traces)).toMatchObject({
      routes: [{}, {}],
      neighbours: [{}, {}],
      fdb: [{}, {}],
    });
  }
  await bed.lab.stopDaemon(leaver, "SIGKILL");
  await bed.lab.tweedInSwitch(["store", "release", await keyOf(leaver)]);
  const expected = before.map((tables) => selectTunnelWithout(tables, traces));
  await eventually(() => Promise.all(stayers.map(readTunnel))).toEqual(expected);
});

test("the node that left comes back, and all is as before", async () => {
  await bed.lab.startDaemon(bed.node(3));
  await bed.lab.waitUntilReady(bed.node(3));
  await bed.lab.waitForMesh(DEADLINE_MS);
});

test("a node that was down when another left has nothing of it once it is ready", async () => {
  const [witness, down, leaver] = [1, 2, 3].map(bed.node) as [LabNode, LabNode, LabNode];
  const traces = await tracesOf(leaver);
  await bed.lab.stopDaemon(down, "SIGKILL");
  await bed.lab.stopDaemon(leaver, "SIGKILL");
  await bed.lab.tweedInSwitch(["store", "release", await keyOf(leaver)]);
  await eventually(async () => selectTraces(await readTunnel(witness), traces).routes).toEqual([]);
  const stale = await readTunnel(down);
  expect(selectTraces(stale, traces).routes).toHaveLength(2);
  await bed.lab.startDaemon(down);
  await bed.lab.waitUntilReady(down);
  expect(await readTunnel(down)).toEqual(selectTunnelWithout(stale, traces));
});

test("a lease deleted under a running daemon is taken again, and the mesh heals", async () => {
  await bed.lab.startDaemon(bed.node(3));
  await bed.lab.waitUntilReady(bed.node(3));
  await bed.lab.waitForMesh(DEADLINE_MS);
  const key = await keyOf(bed.node(1));
  await bed.lab.tweedInSwitch(["store", "release", key]);
  await eventually(() => bed.lab.tweedInSwitch(["store", "leases"])).toContain("198.18.1.1 ");
  await bed.lab.waitForMesh(DEADLINE_MS);
  expect(await keyOf(bed.node(1))).toBe(key);
  await bed.lab.waitUntilReady(bed.node(1));
  process.kill(bed.lab.daemonPid(bed.node(1)), 0);
});

test("somebody else's objects were not touched by any of this", async () => {
  expect(await readForeignObjects(bed.node(1).namespace)).toEqual(foreign);
});

/** What betrays a node: subnets and network addresses by text, and its MAC addresses. */
async function tracesOf(node: LabNode): Promise<ReadonlySet<unknown>> {
  const { links, addresses } = await readTunnel(node);
  const nets = addresses.filter(({ scope }) => scope === "global").map(({ local }) => String(local));
  return new Set([
    ...nets,
    ...nets.map((net) => `${net}/${net.includes(":") ? 64 : 24}`),
    ...links.map(({ address }) => address),
  ]);
}

function selectTraces(tables: NetworkTables, traces: ReadonlySet<unknown>): NetworkTables {
  return selectTables(tables, (_, { dst, mac }) => traces.has(dst) || traces.has(mac));
}

function selectTunnelWithout(tables: NetworkTables, traces: ReadonlySet<unknown>): NetworkTables {
  return selectTables(tables, (_, { dst, mac }) => !traces.has(dst) && !traces.has(mac));
}

async function readTunnel(node: LabNode): Promise<NetworkTables> {
  return selectTables(await readTables(node.namespace), (device) => /^flannel(-v6)?\.1$/.test(device));
}

/** "10.244.7.0-24&fd00:10:244:9::-64", from subnet.env. */
async function keyOf(node: LabNode): Promise<string> {
  const text = await readFile(subnetFile(node), "utf8");
  const subnets = [...text.matchAll(/SUBNET=(.*)1\/(\d+)$/gm)].map(([, head = "", length]) =>
    head.includes(":") ? `${head}-${length}` : `${head}0-${length}`,
  );
  return subnets.join("&");
}
