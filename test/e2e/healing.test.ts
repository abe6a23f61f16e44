/**
 * Somebody damages a node's kernel state, one object or a device at a time: everything, on every node, comes back,
 * while the daemons just run on. Each damage is done to another node than the one before it, as a daemon slows down
 * deliberately when somebody undoes its work again and again.
 */
import { rm } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { retainedBackendsFile } from "../../src/agent/switch-over/retained-backends.ts";
import type { LinuxKernel } from "../../src/kernel/linux-kernel.ts";
import { subnetFile } from "../../src/lab/daemon.ts";
import { type Damage, HOST_GW_DAMAGES, inflict, pathOf, VXLAN_DAMAGES } from "../../src/lab/damage.ts";
import { openKernelOf, stableObjects } from "../../src/lab/kernel-view.ts";
import { labDirectory } from "../../src/lab/topology.ts";
import { DEADLINE_MS, eventually } from "../support/eventually.ts";
import { flannelPeer, publishFlannelPeer } from "../support/flannel-peers.ts";
import { type NetworkTables, readTables } from "../support/network-tables.ts";
import { useLab } from "../support/test-lab.ts";

const NAME = "healing";
/** A repair that is undone again, or a late second one, would show within this. */
const CALM_MS = 150;

const STORE = `${labDirectory(NAME)}/store`;
/** So that each node has two peers: one of them is a lease and nothing else. */
const THIRD = flannelPeer(0);

const bed = useLab({ name: NAME, nodes: 2, backend: { Type: "vxlan" }, store: "file", families: "dual" });

const kernels: LinuxKernel[] = [];
beforeAll(async () => {
  for (const node of bed.lab.nodes) kernels.push(await openKernelOf(node.namespace));
});
afterAll(() => {
  for (const kernel of kernels) kernel.close();
});

describe("vxlan", () => {
  beforeAll(() => publishFlannelPeer(STORE, THIRD, "vxlan"));
  healsFrom("vxlan", VXLAN_DAMAGES);
});

describe("host-gw", () => {
  beforeAll(async () => {
    // Daemons that nobody remembers: what another backend left goes at once.
    for (const node of bed.lab.nodes) {
      await bed.lab.stopDaemon(node, "SIGTERM");
      await rm(retainedBackendsFile(subnetFile(node)), { force: true });
    }
    await rm(`${STORE}/subnets`, { recursive: true });
    await publishFlannelPeer(STORE, THIRD, "host-gw");
    await bed.lab.configure({ Type: "host-gw" });
    for (const node of bed.lab.nodes) await bed.lab.startDaemon(node);
    await Promise.all(bed.lab.nodes.map((node) => bed.lab.waitUntilReady(node)));
    await bed.lab.waitForMesh(DEADLINE_MS);
  });
  healsFrom("host-gw", HOST_GW_DAMAGES);
});

function healsFrom(backend: "vxlan" | "host-gw", damages: readonly Damage[]): void {
  const look = () => Promise.all(kernels.map(async (kernel) => stableObjects(await kernel.observe())));
  const lookThroughIproute = (): Promise<NetworkTables[]> =>
    Promise.all(bed.lab.nodes.map((node) => readTables(node.namespace)));
  let before: (readonly string[])[];
  let beforeThroughIproute: NetworkTables[];

  beforeAll(async () => {
    const isThere = (state: readonly string[], net: string) => state.some((line) => line.includes(`"${net}`));
    await eventually(async () =>
      (await look()).map((state) => [THIRD.net4, THIRD.net6].map((net) => isThere(state, `${net}/`))),
    ).toEqual([
      [true, true],
      [true, true],
    ]);
    before = await look();
    beforeThroughIproute = await lookThroughIproute();
  });

  const cases = damages.flatMap((damage) =>
    (["v4", "v6"] as const).map((family) => ({ damage, family, title: `${family}: ${damage.title}` })),
  );
  test.each(cases.map((each, index) => ({ ...each, index })))("$title", async ({ damage, family, index }) => {
    const at = index % bed.lab.nodes.length;
    const node = bed.node(at + 1);
    await inflict(node, damage, await pathOf(kernels[at] as LinuxKernel, backend, family));
    await eventually(look).toEqual(before);
    await sleep(CALM_MS);
    expect(await look()).toEqual(before);
    expect(await readTables(node.namespace)).toEqual(beforeThroughIproute[at]);
  });

  test("the mesh is whole, and no daemon was started again", async () => {
    const mesh = await bed.lab.ping({ count: 5, intervalMs: 20 });
    expect(mesh.lost).toBe(0);
    expect(await lookThroughIproute()).toEqual(beforeThroughIproute);
    for (const node of bed.lab.nodes) process.kill(bed.lab.daemonPid(node), 0);
  });
}
