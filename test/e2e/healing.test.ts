/**
 * Somebody damages a node's kernel state, one object or a device at a time: everything, on every node, is back
 * within a second, while the daemons just run on. Each damage is done to another node than the one before it, as a
 * daemon slows down deliberately when somebody undoes its work again and again.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { LinuxKernel } from "../../src/kernel/linux-kernel.ts";
import { type Damage, HOST_GW_DAMAGES, inflict, pathOf, VXLAN_DAMAGES } from "../../src/lab/damage.ts";
import { openKernelOf, settled } from "../../src/lab/kernel-view.ts";
import type { Family } from "../../src/net/index.ts";
import { type NetworkTables, readTables } from "../support/network-tables.ts";
import { type TestLab, useLab } from "../support/test-lab.ts";

const BOUND_MS = 1000;
const LOOK_EVERY_MS = 4;
/** A repair that is undone again, or a late second one, would show within this. */
const CALM_MS = 150;

interface Healing {
  readonly backend: string;
  readonly family: Family;
  readonly damage: string;
  readonly ms: number;
}
const healings: Healing[] = [];
afterAll(() => {
  const width = Math.max(...healings.map(({ damage }) => damage.length));
  const rows = healings.map(
    ({ backend, family, damage, ms }) =>
      `${backend.padEnd(8)} ${family}  ${damage.padEnd(width)}  ${ms.toFixed(0).padStart(5)} ms`,
  );
  console.log(["from the damage until every object on all nodes is back:", ...rows].join("\n"));
});

describe("vxlan", () => {
  const bed = useLab({
    name: "healvx",
    nodes: 3,
    backend: { Type: "vxlan" },
    store: "file",
    families: "dual",
  });
  healsFrom("vxlan", VXLAN_DAMAGES, bed);
});

describe("host-gw", () => {
  const bed = useLab({
    name: "healgw",
    nodes: 3,
    backend: { Type: "host-gw" },
    store: "file",
    families: "dual",
  });
  healsFrom("host-gw", HOST_GW_DAMAGES, bed);
});

function healsFrom(backend: string, damages: readonly Damage[], bed: TestLab): void {
  const kernels: LinuxKernel[] = [];
  const look = () => Promise.all(kernels.map(async (kernel) => settled(await kernel.observe())));
  const lookThroughIproute = (): Promise<NetworkTables[]> =>
    Promise.all(bed.lab.nodes.map((node) => readTables(node.namespace)));
  let before: (readonly string[])[];
  let beforeThroughIproute: NetworkTables[];

  beforeAll(async () => {
    for (const node of bed.lab.nodes) kernels.push(await openKernelOf(node.namespace));
    before = await look();
    beforeThroughIproute = await lookThroughIproute();
  });
  afterAll(() => {
    for (const kernel of kernels) kernel.close();
  });

  const cases = damages.flatMap((damage) =>
    (["v4", "v6"] as const).map((family) => ({ damage, family, title: `${family}: ${damage.title}` })),
  );
  test.each(cases.map((each, index) => ({ ...each, index })))("$title", async ({ damage, family, index }) => {
    const at = index % bed.lab.nodes.length;
    const node = bed.node(at + 1);
    const path = await pathOf(kernels[at] as LinuxKernel, backend, family);
    const startMs = performance.now();
    await inflict(node, damage, path);
    for (;;) {
      const now = await look();
      const ms = performance.now() - startMs;
      if (JSON.stringify(now) === JSON.stringify(before)) {
        healings.push({ backend, family, damage: damage.title, ms });
        break;
      }
      if (ms > BOUND_MS) expect(now, `not healed after ${BOUND_MS} ms`).toEqual(before);
      await sleep(LOOK_EVERY_MS);
    }
    await sleep(CALM_MS);
    expect(await look()).toEqual(before);
    expect(await lookThroughIproute()).toEqual(beforeThroughIproute);
  });

  test("the mesh is whole, and no daemon was started again", async () => {
    const mesh = await bed.lab.ping({ count: 5, intervalMs: 20 });
    expect(mesh.lost).toBe(0);
    for (const node of bed.lab.nodes) process.kill(bed.lab.daemonPid(node), 0);
  });
}
