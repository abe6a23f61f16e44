/** Runs the suite on a cluster with a working network, at rest or under chaos, and collects the results. */
import { cp, mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { messageOf } from "../../../src/runtime/error.ts";
import { TWEED_NAMESPACE, untilCarriedBy, untilReady } from "../checks/installation.ts";
import type { Cluster } from "../cluster.ts";
import { Chaos, type ChaosEvent } from "./chaos.ts";
import { chaosSchedule } from "./chaos-schedule.ts";
import type { ConformanceOptions } from "./options.ts";
import { runSuite } from "./suite.ts";
import type { SuiteResult } from "./suite-report.ts";
import { formatEvent } from "./verdict.ts";

export interface Exercise {
  readonly result: SuiteResult;
  readonly events: readonly ChaosEvent[];
  /** Duration of the suite alone. */
  readonly durationMs: number;
}

/** Under chaos the suite's own requests may meet an API server outage. */
const ATTEMPTS = { atRest: 1, underChaos: 5 };
const POD_LOGS = "/var/log/pods";
/** Namespaces. */
const LOGGED_NAMESPACES = new Set([TWEED_NAMESPACE, "kube-system"]);

/** Writes the suite's report and the logs of pods into the cluster's log directory. @param backend the one in force */
export async function exercise(
  cluster: Cluster,
  backend: string,
  { chaosSeed, focus, procs }: ConformanceOptions,
  programs: string,
  signal: AbortSignal,
): Promise<Exercise> {
  const directory = join(cluster.logs, "suite");
  await mkdir(directory, { recursive: true });
  const startMs = performance.now();
  const schedule = chaosSeed === null ? [] : chaosSchedule(chaosSeed, cluster.nodes.length, backend);
  const chaos = new Chaos(cluster, schedule);
  const attempts = chaosSeed === null ? ATTEMPTS.atRest : ATTEMPTS.underChaos;
  try {
    const result = await runSuite(cluster, { programs, directory, focus, procs, attempts, signal });
    const durationMs = performance.now() - startMs;
    await chaos.stop();
    const fault = await settled(cluster, chaos.backend ?? backend, signal);
    const reasons = fault === null ? result.reasons : [...result.reasons, `after all: ${fault}`];
    return { result: { ...result, reasons }, events: chaos.events, durationMs };
  } finally {
    await chaos.stop();
    const lines = chaos.events.map((event) => `${formatEvent(event)}\n`);
    await writeFile(join(directory, "chaos.log"), lines.join(""));
    await copyPodLogs(cluster);
  }
}

/** null when all daemons end up ready with the last backend, else why not. */
async function settled(cluster: Cluster, backend: string, signal: AbortSignal): Promise<string | null> {
  try {
    await untilReady(cluster, signal);
    await untilCarriedBy(cluster, backend, signal);
    return null;
  } catch (error) {
    return messageOf(error);
  }
}

/** Logs of the current pods of the daemons and the DNS server. */
async function copyPodLogs(cluster: Cluster): Promise<void> {
  for (const { name, machine } of cluster.nodes) {
    const logs = join(machine.root, POD_LOGS);
    const own = (await readdir(logs)).filter((entry) => LOGGED_NAMESPACES.has(entry.split("_", 1)[0] ?? ""));
    for (const entry of own)
      await cp(join(logs, entry), join(cluster.logs, "pods", name, entry), { recursive: true });
  }
}
