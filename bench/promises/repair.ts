/** Another program damages a node's kernel state: time until every object is back, on all nodes. */

import type { LinuxKernel } from "../../src/kernel/linux-kernel.ts";
import {
  type Damage,
  HOST_GW_DAMAGES,
  inflict,
  type Path,
  pathOf,
  VXLAN_DAMAGES,
} from "../../src/lab/damage.ts";
import { stableObjects } from "../../src/lab/kernel-view.ts";
import type { Lab } from "../../src/lab/lab.ts";
import { ipBatch } from "../../src/lab/namespaces.ts";
import { type LabNode, SWITCH_IP, UNDERLAY_LENGTH } from "../../src/lab/topology.ts";
import { FAMILIES, type Family } from "../../src/net/index.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { withKernels, withLab } from "./bench-lab.ts";
import type { Bench, PromiseGroup } from "./group.ts";
import { timeUntil } from "./wait.ts";

const BOUND_MS = 1000;
/**
 * A daemon slows down when its work is undone more than once a second. With three nodes in turn each is damaged less
 * often.
 */
const REST_MS = 400;

export const repair: PromiseGroup = {
  name: "repair",
  async measure(bench) {
    await repairs(bench, "vxlan", [...VXLAN_DAMAGES, LOCAL_ADDRESS, BLACKHOLE]);
    await repairs(bench, "host-gw", [...HOST_GW_DAMAGES, BLACKHOLE]);
  },
};

const LOCAL_ADDRESS: Damage = {
  title: "its local address changed",
  program: "ip",
  lines: ({ device, family }) => [
    `link set ${device} type vxlan id 1 dev eth0 local ${family === "v4" ? "198.18.9.9" : "fd00:198:18::9"}`,
  ],
};

/** Of --ip-blackhole-route. */
const BLACKHOLE: Damage = {
  title: "the blackhole of the node's subnet deleted",
  program: "ip",
  lines: () => ["route flush type blackhole"],
};

interface Case {
  readonly title: string;
  /** Family of the damaged path. */
  readonly family: Family;
  readonly inflict: (node: LabNode, path: Path) => Promise<void>;
}

async function repairs(bench: Bench, backend: string, damages: readonly Damage[]): Promise<void> {
  const cases: Case[] = damages.flatMap((damage) =>
    FAMILIES.map((family) => ({
      title: `${damage.title}, ${family}`,
      family,
      inflict: (node: LabNode, path: Path) => inflict(node, damage, path),
    })),
  );
  cases.push({ title: "eth0 went down and up", family: "v4", inflict: cycleUnderlay });
  const spec = { nodes: 3, backend: { Type: backend }, store: "file", families: "dual" } as const;
  const flags = { extraFlags: ["--ip-blackhole-route"] };
  const use = ({ nodes }: Lab) =>
    withKernels(nodes, (kernels) => damage(bench, backend, cases, nodes, kernels));
  await withLab(bench, spec, use, flags);
}

/** Each case once in a round, each on another node than the previous one. */
async function damage(
  { signal, rounds, note }: Bench,
  backend: string,
  cases: readonly Case[],
  nodes: readonly LabNode[],
  kernels: readonly LinuxKernel[],
): Promise<void> {
  const look = async () =>
    JSON.stringify(await Promise.all(kernels.map(async (kernel) => stableObjects(await kernel.observe()))));
  const whole = await look();
  const isWhole = async () => (await look()) === whole;
  const topic = `repair of kernel state, ${backend}`;
  for (let turn = 0; turn < rounds * cases.length; turn++) {
    const [node, kernel] = [nodes[turn % nodes.length], kernels[turn % nodes.length]];
    const each = cases[turn % cases.length];
    if (node === undefined || kernel === undefined || each === undefined)
      throw new RangeError("no such node");
    const { title: detail, family, inflict } = each;
    const path = await pathOf(kernel, backend, family);
    const what = `${topic}: ${detail}`;
    note(
      { topic, detail, boundMs: BOUND_MS },
      await timeUntil(what, () => inflict(node, path), isWhole, signal),
    );
    await systemClock.sleep(REST_MS, signal);
    if (!(await isWhole())) throw new Error(`${what}: repaired, and then damaged again`);
  }
}

/** Restores the administrator's configuration explicitly: the kernel removes it when the link goes down. */
async function cycleUnderlay({ namespace, underlay }: LabNode): Promise<void> {
  const defaults = FAMILIES.map((family) => `route replace default via ${SWITCH_IP[family]} dev eth0`);
  await ipBatch(namespace, [
    "link set eth0 down",
    "link set eth0 up",
    `address replace ${underlay.v6}/${UNDERLAY_LENGTH.v6} dev eth0 nodad`,
    ...defaults,
  ]);
}
