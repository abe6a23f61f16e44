/** Labs that a group builds, uses and removes; the benchmark's guard removes them when the benchmark is killed. */

import { mkdir } from "node:fs/promises";
import { NetworkNamespaces } from "../../src/kernel/libc/network-namespace.ts";
import type { LinuxKernel } from "../../src/kernel/linux-kernel.ts";
import type { DaemonProgram } from "../../src/lab/daemon.ts";
import { openKernelOf } from "../../src/lab/kernel-view.ts";
import { Lab } from "../../src/lab/lab.ts";
import { type LabNode, type LabSpec, labDirectory, switchNamespace } from "../../src/lab/topology.ts";
import { buildSwitch } from "../../src/lab/underlay.ts";
import { labName } from "../guard.ts";
import type { Bench } from "./group.ts";

/** Name of the only lab at a time. */
export const LAB_NAME = labName(0);

export async function withLab(
  { program, signal }: Bench,
  spec: Omit<LabSpec, "name">,
  use: (lab: Lab) => Promise<void>,
  flags: Partial<Pick<DaemonProgram, "extraFlags" | "nodeFlags">> = {},
): Promise<void> {
  signal.throwIfAborted();
  const lab = await Lab.up({ ...spec, name: LAB_NAME }, { ...program, ...flags });
  try {
    await use(lab);
  } finally {
    await Lab.down(LAB_NAME);
  }
}

/** A switch without nodes, for a store and its clients; the main thread is in its namespace meanwhile. */
export async function withSwitch(
  { signal }: Bench,
  store: LabSpec["store"],
  use: (spec: LabSpec) => Promise<void>,
): Promise<void> {
  signal.throwIfAborted();
  const spec: LabSpec = { name: LAB_NAME, nodes: 1, backend: { Type: "vxlan" }, store, families: "v4" };
  await Lab.down(LAB_NAME);
  try {
    await mkdir(labDirectory(LAB_NAME), { recursive: true });
    await buildSwitch(spec);
    await inside(switchNamespace(LAB_NAME), () => use(spec));
  } finally {
    await Lab.down(LAB_NAME);
  }
}

/** The node of this number, counted from 1. @throws RangeError */
export function nodeAt({ nodes, spec }: Lab, number: number): LabNode {
  const node = nodes[number - 1];
  if (node === undefined) throw new RangeError(`lab ${spec.name} has no node ${number}`);
  return node;
}

/** Opens the kernels of the nodes, in order, for the duration of the act. */
export async function withKernels(
  nodes: readonly LabNode[],
  use: (kernels: readonly LinuxKernel[]) => Promise<void>,
): Promise<void> {
  const kernels: LinuxKernel[] = [];
  try {
    for (const { namespace } of nodes) kernels.push(await openKernelOf(namespace));
    await use(kernels);
  } finally {
    for (const kernel of kernels) kernel.close();
  }
}

/** Runs the act with the main thread in the namespace. */
export async function inside(namespace: string, act: () => Promise<void>): Promise<void> {
  const leave = (await NetworkNamespaces.open()).enter(namespace);
  try {
    await act();
  } finally {
    leave();
  }
}
