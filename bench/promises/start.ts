/** How fast a daemon becomes ready with each store, and how fast it stops. */
import { rm } from "node:fs/promises";
import { daemonLog, HEALTH_PORT, subnetFile } from "../../src/lab/daemon.ts";
import { readHealthPage } from "../../src/lab/health-page.ts";
import type { Lab } from "../../src/lab/lab.ts";
import { startInNamespace } from "../../src/lab/process.ts";
import type { LabNode, LabSpec } from "../../src/lab/topology.ts";
import { runDaemon } from "../control/daemon-run.ts";
import { nodeAt, withLab } from "./bench-lab.ts";
import { type Bench, type PromiseGroup, roundsOf } from "./group.ts";
import { timeToEnd } from "./process-end.ts";
import { until } from "./wait.ts";

const SUBNET_FILE_BOUND_MS = 600;
const READY_BOUND_MS = 1000;
/** From the manifest for Kubernetes, beside terminationGracePeriodSeconds. */
const PROMPT_STOP_BOUND_MS = 200;
const STOP_BOUND_MS = 2000;
/** Of the startup probe in the manifest: 60 attempts, one a second. */
const PROBE_BOUND_MS = 60_000;

const STORES: readonly Pick<LabSpec, "store" | "nodes">[] = [
  { store: "etcd", nodes: 3 },
  { store: "kubernetes", nodes: 2 },
  { store: "file", nodes: 2 },
];

export const start: PromiseGroup = {
  name: "start",
  async measure(bench) {
    for (const { store, nodes } of STORES) {
      const spec = { nodes, backend: { Type: "vxlan" }, store, families: "v4" } as const;
      await withLab(bench, spec, async (lab) => {
        await measureStarts(bench, lab);
        if (store === "file") await measureWithoutStore(bench, nodeAt(lab, 1));
      });
    }
  },
};

/** Leaves the first node without a daemon. */
async function measureStarts(bench: Bench, lab: Lab): Promise<void> {
  const { program, signal, note } = bench;
  const { spec } = lab;
  const node = nodeAt(lab, 1);
  const detail = spec.store;
  await timeToEnd(lab.daemonPid(node), "SIGTERM", signal);
  for (let round = 0; round < roundsOf(bench, 2); round++) {
    const { pid, toSubnetFileMs, toReadyMs } = await runDaemon(spec, node, program);
    const endMs = await timeToEnd(pid, "SIGTERM", signal);
    note({ topic: "start to subnet.env", detail, boundMs: SUBNET_FILE_BOUND_MS }, toSubnetFileMs);
    note({ topic: "start to ready", detail, boundMs: READY_BOUND_MS }, toReadyMs);
    const topic = "SIGTERM to exit, a daemon at rest";
    note({ topic, detail, boundMs: PROMPT_STOP_BOUND_MS }, endMs);
  }
}

/** Nothing listens there. */
const NO_ETCD = "--etcd-endpoints=http://127.0.0.1:1";

async function measureWithoutStore(bench: Bench, node: LabNode): Promise<void> {
  const { program, rounds, signal, note } = bench;
  const flags = [
    "--healthz-ip=127.0.0.1",
    `--healthz-port=${HEALTH_PORT}`,
    `--subnet-file=${subnetFile(node)}`,
  ];
  const command = [...program.tweed, "run", NO_ETCD, ...flags];
  await rm(subnetFile(node), { force: true });
  const isHealthy = async () =>
    (await readHealthPage(node.namespace, HEALTH_PORT, "/healthz")).status === 200;
  for (let round = 0; round < rounds; round++) {
    const startedMs = performance.now();
    const pid = await startInNamespace(node.namespace, command, { logFile: daemonLog(node) });
    await until("/healthz answers", isHealthy, signal);
    const topic = "start to /healthz without a store";
    note({ topic, detail: "", boundMs: PROBE_BOUND_MS }, performance.now() - startedMs);
    const endMs = await timeToEnd(pid, "SIGTERM", signal);
    note({ topic: "SIGTERM to exit", detail: "waits for its store", boundMs: STOP_BOUND_MS }, endMs);
  }
}
