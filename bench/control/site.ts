/**
 * Where it is measured: a switch with an etcd and one node or three, built as a lab is and removed as one, so that
 * a run that was killed leaves nothing that the next one does not find.
 */
import { mkdir } from "node:fs/promises";
import { startEtcd } from "../../src/lab/etcd-process.ts";
import { Lab } from "../../src/lab/lab.ts";
import { type LabNode, type LabSpec, labNode } from "../../src/lab/topology.ts";
import { buildSwitch, connectNode } from "../../src/lab/underlay.ts";

/** Stores that are filled from outside; on Kubernetes a server of the benchmark fills its own. */
export type StoreKind = Exclude<LabSpec["store"], "kubernetes">;

export function siteSpec(store: LabSpec["store"], nodes: number): LabSpec {
  return { name: "control", nodes, backend: { Type: "vxlan" }, store, families: "v4" };
}

export function siteNode(): LabNode {
  return labNode(siteSpec("file", 1), 1);
}

/** A node without a daemon, and a store without anything in it. */
export async function buildSite(store: StoreKind): Promise<void> {
  const spec = siteSpec(store, 1);
  const node = siteNode();
  await removeSite();
  await mkdir(node.directory, { recursive: true });
  await buildSwitch(spec);
  await connectNode(spec, node);
  if (store === "etcd") await startEtcd(spec);
}

/** Also what a run left that was killed. */
export function removeSite(): Promise<void> {
  return Lab.down(siteSpec("file", 1).name);
}
