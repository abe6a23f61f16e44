/**
 * Everybody reaches everybody: pods among each other and from every node, over each backend, store and family, on a cluster
 * that starts with it. An ordinary run takes a sample in which every two of these meet, with three nodes; the long run
 * alone takes every row, with four.
 */
import { afterEach, expect, test } from "vitest";
import { Lab } from "../../src/lab/lab.ts";
import { describeMesh } from "../../src/lab/mesh.ts";
import { everyRow, pairwise } from "../support/pairwise.ts";
import { isLongRun, TWEED } from "../support/test-lab.ts";

const NAME = "e2emesh";
const NODES = isLongRun ? 4 : 3;
const COUNT = 20;

const MATRIX = {
  backend: [{ Type: "vxlan" }, { Type: "host-gw" }, { Type: "vxlan", DirectRouting: true }],
  store: ["file", "etcd", "kubernetes"],
  families: ["v4", "v6", "dual"],
} as const;

const ROWS = isLongRun ? everyRow(MATRIX) : pairwise(MATRIX);

afterEach(() => Lab.down(NAME));

test.each(ROWS.map((row) => [`${JSON.stringify(row.backend)} ${row.store} ${row.families}`, row] as const))(
  "no ping is lost: %s",
  async (_title, row) => {
    const lab = await Lab.up({ ...row, nodes: NODES, name: NAME }, { tweed: TWEED, extraFlags: [] });
    const mesh = await lab.ping({ count: COUNT, intervalMs: 10 });
    expect(mesh.lost, describeMesh(mesh)).toBe(0);
    const families = row.families === "dual" ? 2 : 1;
    // To every pod: from each other pod, and from each other node. A node's own pod is no mesh.
    expect(mesh.pairs).toHaveLength((NODES * (NODES - 1) + NODES * NODES) * families);
    expect(mesh.sent).toBe(mesh.pairs.length * COUNT);
  },
);
