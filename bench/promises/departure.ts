/** A node's lease is deleted: time until no other node has an object of it. */
import { readFile } from "node:fs/promises";
import type { LinuxKernel } from "../../src/kernel/linux-kernel.ts";
import { subnetFile } from "../../src/lab/daemon.ts";
import { stableObjects } from "../../src/lab/kernel-view.ts";
import type { Lab } from "../../src/lab/lab.ts";
import type { LabNode } from "../../src/lab/topology.ts";
import { nodeAt, withKernels, withLab } from "./bench-lab.ts";
import { type Bench, type PromiseGroup, roundsOf } from "./group.ts";
import { timeUntil, until } from "./wait.ts";

const BOUND_MS = 2000;
const NODES = 4;
const MESH_TIMEOUT_MS = 20_000;

export const departure: PromiseGroup = {
  name: "departure",
  async measure(bench) {
    const spec = { nodes: NODES, backend: { Type: "vxlan" }, store: "etcd", families: "dual" } as const;
    await withLab(bench, spec, (lab) =>
      withKernels(lab.nodes.slice(0, -1), async (stayers) => {
        for (let round = 0; round < roundsOf(bench, 1); round++) await measureDeparture(bench, lab, stayers);
      }),
    );
  },
};

async function measureDeparture(
  { signal, note }: Bench,
  lab: Lab,
  stayers: readonly LinuxKernel[],
): Promise<void> {
  const leaver = nodeAt(lab, NODES);
  const look = () => Promise.all(stayers.map(async (kernel) => stableObjects(await kernel.observe())));
  const traces = await tracesOf(leaver);
  const hasTrace = (line: string) => traces.some((trace) => line.includes(trace));
  const before = await look();
  if (!before.every((lines) => lines.some(hasTrace))) throw new Error(`${leaver.name} is nobody's peer`);
  const without = JSON.stringify(before.map((lines) => lines.filter((line) => !hasTrace(line))));
  await lab.stopDaemon(leaver, "SIGKILL");
  const ms = await timeUntil(
    "nobody has anything of a node that left",
    async () => lab.tweedInSwitch(["store", "release", await keyOf(leaver)]),
    async () => JSON.stringify(await look()) === without,
    signal,
  );
  note(
    { topic: "a lease released to no trace of its node on the others", detail: "", boundMs: BOUND_MS },
    ms,
  );
  await lab.startDaemon(leaver);
  await lab.waitUntilReady(leaver);
  await lab.waitForMesh(MESH_TIMEOUT_MS);
  const isWhole = async () => JSON.stringify(await look()) === JSON.stringify(before);
  await until("the node that left is back", isWhole, signal);
}

/** The traces of a node on the others: its subnets, as networks and as addresses of the tunnel, and its own addresses. */
async function tracesOf({ underlay, ...node }: LabNode): Promise<string[]> {
  const subnets = await subnetsOf(node);
  const own = [underlay.v4, underlay.v6].filter((ip) => ip !== null);
  return [...own, ...subnets.flatMap(({ base, length }) => [base, `${base}/${length}`])].map(
    (text) => `"${text}"`,
  );
}

/** "10.244.7.0-24&fd00:10:244:9::-64" */
async function keyOf(node: Pick<LabNode, "directory">): Promise<string> {
  return (await subnetsOf(node)).map(({ base, length }) => `${base}-${length}`).join("&");
}

/** From subnet.env, which has the bridge's address: the first of the subnet. */
async function subnetsOf(
  node: Pick<LabNode, "directory">,
): Promise<{ readonly base: string; readonly length: string }[]> {
  const text = await readFile(subnetFile(node as LabNode), "utf8");
  return [...text.matchAll(/SUBNET=(.*)1\/(\d+)$/gm)].map(([, head = "", length = ""]) => ({
    base: head.includes(":") ? head : `${head}0`,
    length,
  }));
}
