/**
 * A node leaves: nothing of it stays on the others, nothing else is touched. The leases are in etcd, under flannel's
 * keys, and go as an operator deletes them.
 */
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, expect, test } from "vitest";
import { subnetFile } from "../../src/lab/daemon.ts";
import type { LabNode } from "../../src/lab/topology.ts";
import { addForeignObjects, readForeignObjects } from "../support/foreign-objects.ts";
import { type NetworkTables, readTables, selectTables } from "../support/network-tables.ts";
import { useLab } from "../support/test-lab.ts";

const GONE_WITHIN_MS = 2000;

const bed = useLab({ name: "depart", nodes: 4, backend: { Type: "vxlan" }, store: "etcd", families: "dual" });
let foreign: NetworkTables;

beforeAll(async () => {
  await addForeignObjects(bed.node(1).namespace);
  foreign = await readForeignObjects(bed.node(1).namespace);
  expect(foreign).toMatchObject({ links: { length: 3 }, neighbours: { length: 3 } });
});

test(`a lease deleted: its objects are gone from every node within ${GONE_WITHIN_MS} ms`, async () => {
  const [one, two, three, leaver] = [1, 2, 3, 4].map(bed.node) as [LabNode, LabNode, LabNode, LabNode];
  const stayers = [one, two, three];
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
  const startMs = performance.now();
  await bed.lab.tweedInSwitch(["store", "release", await keyOf(leaver)]);
  const releasedMs = performance.now() - startMs;
  const expected = before.map((tables) => selectTunnelWithout(tables, traces));
  await expect
    .poll(() => Promise.all(stayers.map(readTunnel)), { timeout: GONE_WITHIN_MS, interval: 20 })
    .toEqual(expected);
  const tookMs = performance.now() - startMs;
  console.log(
    `gone from every node ${tookMs.toFixed(0)} ms after the command to release began, which itself took ${releasedMs.toFixed(0)} ms`,
  );
});

test("the node that left comes back, and all is as before", async () => {
  await bed.lab.startDaemon(bed.node(4));
  await bed.lab.waitUntilReady(bed.node(4));
  await bed.lab.waitForMesh(5000);
});

test("a node that was down when another left has nothing of it once it is ready", async () => {
  const traces = await tracesOf(bed.node(4));
  await bed.lab.stopDaemon(bed.node(3), "SIGKILL");
  await bed.lab.stopDaemon(bed.node(4), "SIGKILL");
  await bed.lab.tweedInSwitch(["store", "release", await keyOf(bed.node(4))]);
  await sleep(300);
  const stale = await readTunnel(bed.node(3));
  expect(selectTraces(stale, traces).routes).toHaveLength(2);
  await bed.lab.startDaemon(bed.node(3));
  await bed.lab.waitUntilReady(bed.node(3));
  expect(await readTunnel(bed.node(3))).toEqual(selectTunnelWithout(stale, traces));
});

test("a lease deleted under a running daemon is taken again, and the mesh heals", async () => {
  await bed.lab.startDaemon(bed.node(4));
  await bed.lab.waitUntilReady(bed.node(4));
  await bed.lab.waitForMesh(5000);
  const key = await keyOf(bed.node(1));
  const stream = await bed.lab.startPings(bed.node(2), bed.node(1), 10);
  await bed.lab.tweedInSwitch(["store", "release", key]);
  const leases = () => bed.lab.tweedInSwitch(["store", "leases"]);
  await expect.poll(leases, { timeout: 5000, interval: 50 }).toContain("198.18.1.1 ");
  await bed.lab.waitForMesh(5000);
  const [pings] = await stream.stop();
  console.log(`lease deleted and taken again: ${pings?.lost} of ${pings?.sent} pings lost, 10 ms apart`);
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
