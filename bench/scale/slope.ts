/** What a daemon costs at one number of nodes, measured a few times, for the extrapolation. */
import { setTimeout as sleep } from "node:timers/promises";
import { inNamespace } from "../../src/lab/namespaces.ts";
import { execute } from "../../src/runtime/program.ts";
import { watchCpu } from "../figures/process-usage.ts";
import { Churn } from "./churn.ts";
import type { Measured } from "./disturbance.ts";
import { endMeasured, startMeasured } from "./measured-daemon.ts";
import { timePlan } from "./plan-time.ts";

export interface SlopeSample {
  readonly nodes: number;
  readonly startMs: number;
  readonly rssMb: number;
  /** Beyond what the daemon takes without changes. */
  readonly cpuMsPerEvent: number;
  /** Of a snapshot with one changed lease. */
  readonly planMs: number;
}

const ROUNDS = 3;
const REST_MS = 8_000;
const IDLE_MS = 5_000;
const CHURN_MS = 15_000;

export async function* measureSlope(
  measured: Measured,
  signal: AbortSignal,
): AsyncGenerator<SlopeSample, void> {
  const { kind, nodes, store, watch, namespace } = measured;
  for (let round = 0; round < ROUNDS; round++) {
    process.stderr.write(`${nodes.all.length} nodes, ${kind}: slopes, round ${round + 1} …\n`);
    const startMs = await startMeasured(kind, watch);
    await sleep(REST_MS);
    const rssMb = await watch.rssMb();
    const idlePercent = await watchCpu(watch.pid, IDLE_MS);
    await watch.reset();
    const churn = new Churn(nodes, store);
    const startedMs = performance.now();
    await churn.run(CHURN_MS, signal);
    const { cpuMs } = await watch.read();
    const idleMs = ((performance.now() - startedMs) * idlePercent) / 100;
    const cpuMsPerEvent = Math.max(0, cpuMs - idleMs) / churn.events;
    await churn.end();
    yield { nodes: nodes.all.length, startMs, rssMb, cpuMsPerEvent, planMs: timePlan(nodes) };
    await endMeasured(watch);
    await execute("ip", ["-n", namespace, "link", "delete", "flannel.1"]);
    await execute("ip", inNamespace(namespace, ["nft", "flush", "ruleset"]));
  }
}
