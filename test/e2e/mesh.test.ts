/** Everybody reaches everybody: pods among each other and from every node, over each backend, store and family. */
import { afterEach, expect, test } from "vitest";
import { Lab } from "../../src/lab/lab.ts";
import { describeMesh } from "../../src/lab/mesh.ts";
import type { LabSpec } from "../../src/lab/topology.ts";
import { TWEED } from "../support/test-lab.ts";

const NAME = "e2emesh";

const BACKENDS: readonly LabSpec["backend"][] = [
  { Type: "vxlan" },
  { Type: "host-gw" },
  { Type: "vxlan", DirectRouting: true },
];

const CASES: readonly Omit<LabSpec, "name">[] = [
  ...BACKENDS.flatMap((backend): Omit<LabSpec, "name">[] => [
    ...(["file", "etcd", "kubernetes"] as const).flatMap((store) =>
      (["v4", "dual"] as const).map((families) => ({ backend, store, families, nodes: 4 })),
    ),
    { backend, store: "etcd", families: "v6", nodes: 3 },
  ]),
  { backend: { Type: "vxlan" }, store: "kubernetes", families: "v6", nodes: 3 },
];

afterEach(() => Lab.down(NAME));

test.each(
  CASES.map((spec) => [`${JSON.stringify(spec.backend)} ${spec.store} ${spec.families}`, spec] as const),
)("no ping is lost: %s", async (_title, spec) => {
  const lab = await Lab.up({ ...spec, name: NAME }, { tweed: TWEED, extraFlags: [] });
  const mesh = await lab.ping({ count: 20, intervalMs: 10 });
  expect(mesh.lost, describeMesh(mesh)).toBe(0);
  const families = spec.families === "dual" ? 2 : 1;
  // To every pod: from each other pod, and from each other node. A node's own pod is no mesh.
  expect(mesh.pairs).toHaveLength((spec.nodes * (spec.nodes - 1) + spec.nodes * spec.nodes) * families);
  expect(mesh.sent).toBe(mesh.pairs.length * 20);
});
