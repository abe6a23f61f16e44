/**
 * The site of the measurements: a switch with an etcd and one node or three, built and removed as a lab, so that the
 * next run finds everything that a killed run left.
 */
import { mkdir } from "node:fs/promises";
import { startEtcd } from "../../src/lab/etcd-process.ts";
import { Lab } from "../../src/lab/lab.ts";
import { type LabNode, type LabSpec, labNode } from "../../src/lab/topology.ts";
import { buildSwitch, connectNode } from "../../src/lab/underlay.ts";

/** Stores that the benchmark fills; on Kubernetes its API server fills its own. */
export type StoreKind = Exclude<LabSpec["store"], "kubernetes">;

export function siteSpec(store: LabSpec["store"], nodes: number): LabSpec {
  return { name: "control", nodes, backend: { Type: "vxlan" }, store, families: "v4" };
}

export function siteNode(): LabNode {
  return labNode(siteSpec("file", 1), 1);
}

/** A node without a daemon, and an empty store. */
export async function buildSite(store: StoreKind): Promise<void> {
  const spec = siteSpec(store, 1);
  const node = siteNode();
  await removeSite();
  await mkdir(node.directory, { recursive: true });
  await buildSwitch(spec);
  await connectNode(spec, node);
  if (store === "etcd") await startEtcd(spec);
}

/** Removes also the leftovers of a killed run. */
export function removeSite(): Promise<void> {
  return Lab.down(siteSpec("file", 1).name);
}
