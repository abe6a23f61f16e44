/** CPU and memory of daemons of the backend `udp` without traffic. */
import { systemClock } from "../../src/runtime/clock.ts";
import type { Figure } from "../figures/figure.ts";
import { readMemory, watchCpu } from "../figures/process-usage.ts";
import { buildUdpLab } from "./udp-lab.ts";

const SETTLE_MS = 10_000;
const WATCH_MS = 30_000;

export async function measureIdle(tweed: readonly string[], signal: AbortSignal): Promise<Figure[]> {
  const lab = await buildUdpLab(tweed, { nodes: 3, families: "dual" });
  await systemClock.sleep(SETTLE_MS, signal);
  const daemons = lab.nodes.map((node) => lab.daemonPid(node));
  const cpu = await Promise.all(daemons.map((pid) => watchCpu(pid, WATCH_MS)));
  const memory = await Promise.all(daemons.map(readMemory));
  return [
    { name: "CPU idle, 3 nodes", unit: "% of a core", samples: cpu, bound: 0.5 },
    { name: "RSS idle, 3 nodes", unit: "MB", samples: memory.map(({ rssMb }) => rssMb), bound: 130 },
  ];
}
