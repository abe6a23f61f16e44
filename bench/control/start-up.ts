/** Start-up time and idle cost of a daemon: three nodes on etcd. */
import type { DaemonProgram } from "../../src/lab/daemon.ts";
import { Lab } from "../../src/lab/lab.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import type { Figure } from "../figures/figure.ts";
import { readMemory, watchCpu } from "../figures/process-usage.ts";
import { type DaemonRun, endDaemon, runDaemon } from "./daemon-run.ts";
import { removeSite, siteSpec } from "./site.ts";

const STARTS = 10;
const SETTLE_MS = 10_000;
const WATCH_MS = 10_000;

export async function measureStartUp(program: DaemonProgram, signal: AbortSignal): Promise<Figure[]> {
  const spec = siteSpec("etcd", 3);
  const lab = await Lab.up(spec, program);
  const [node, ...others] = lab.nodes;
  if (node === undefined) throw new Error("the lab has no nodes");
  let pid = lab.daemonPid(node);
  const runs: DaemonRun[] = [];
  while (runs.length < STARTS) {
    signal.throwIfAborted();
    await endDaemon(pid);
    const run = await runDaemon(spec, node, program);
    pid = run.pid;
    runs.push(run);
  }
  await systemClock.sleep(SETTLE_MS, signal);
  const pids = [pid, ...others.map((each) => lab.daemonPid(each))];
  const memory = await Promise.all(pids.map(readMemory));
  const cpu = await Promise.all(pids.map((each) => watchCpu(each, WATCH_MS)));
  await removeSite();
  return [
    {
      name: "process start to subnet.env, etcd, 3 nodes",
      unit: "ms",
      samples: runs.map((run) => run.toSubnetFileMs),
      bound: 600,
    },
    { name: "RSS idle, etcd, 3 nodes", unit: "MB", samples: memory.map(({ rssMb }) => rssMb), bound: 75 },
    { name: "CPU idle, etcd, 3 nodes", unit: "% of a core", samples: cpu, bound: null },
  ];
}
