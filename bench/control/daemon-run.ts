/** One run of the real daemon, seen from outside: its files, its log and /proc. */
import { readFile, rm } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { type DaemonProgram, daemonLog, startDaemon, subnetFile } from "../../src/lab/daemon.ts";
import { isAlive, stopProcess } from "../../src/lab/process.ts";
import type { LabNode, LabSpec } from "../../src/lab/topology.ts";

const LOOK_EVERY_MS = 2;
const TIMEOUT_MS = 60_000;
const STOP_WITHIN_MS = 5000;

export interface DaemonRun {
  readonly pid: number;
  /** From the start of the process until subnet.env existed. */
  readonly toSubnetFileMs: number;
  /** From the start of the process until it had reported ready. */
  readonly toReadyMs: number;
  /** From the log line of the lease, before which no plan exists, to the line "ready". */
  readonly leaseToReadyMs: number;
}

/** Starts the node's daemon as after a boot of its host and waits until it is ready. */
export async function runDaemon(spec: LabSpec, node: LabNode, program: DaemonProgram): Promise<DaemonRun> {
  await rm(subnetFile(node), { force: true });
  await rm(daemonLog(node), { force: true });
  const startedMs = performance.now();
  const pid = await startDaemon(spec, node, program);
  await appears(subnetFile(node), /./, pid);
  const toSubnetFileMs = performance.now() - startedMs;
  const log = await appears(daemonLog(node), /"msg":"ready"/, pid);
  const toReadyMs = performance.now() - startedMs;
  const leaseToReadyMs = timeOf(log, "ready") - timeOf(log, "lease held");
  return { pid, toSubnetFileMs, toReadyMs, leaseToReadyMs };
}

export function endDaemon(pid: number): Promise<void> {
  return stopProcess(pid, "SIGTERM", STOP_WITHIN_MS);
}

/** The number of routes on flannel.1 in the namespace of the process. */
export async function countRoutes(pid: number): Promise<number> {
  const table = await readFile(`/proc/${pid}/net/route`, "utf8");
  return table.split("\n").filter((line) => line.startsWith("flannel.1\t")).length;
}

async function appears(path: string, pattern: RegExp, pid: number): Promise<string> {
  for (let waitedMs = 0; waitedMs < TIMEOUT_MS; waitedMs += LOOK_EVERY_MS) {
    const text = await readFile(path, "utf8").catch(() => "");
    if (pattern.test(text)) return text;
    if (!isAlive(pid)) throw new Error(`the daemon ended before ${path} had ${pattern}`);
    await sleep(LOOK_EVERY_MS);
  }
  throw new Error(`${path} has no ${pattern} after ${TIMEOUT_MS} ms`);
}

/** When the daemon wrote the line, in milliseconds since the epoch. */
function timeOf(log: string, message: string): number {
  const line = log.split("\n").find((each) => each.endsWith(`"msg":"${message}"}`)) ?? "{}";
  const { time } = JSON.parse(line) as { time?: string };
  if (time === undefined) throw new Error(`the daemon's log has no line ${JSON.stringify(message)}`);
  return Date.parse(time);
}
