/** One disturbance of the daemon, and what it cost. */
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { daemonLog } from "../../src/lab/daemon.ts";
import { siteNode } from "../control/site.ts";
import type { DaemonWatch, LoopReading } from "./daemon-watch.ts";
import { differenceFromTruth } from "./kernel-truth.ts";
import type { ScaleStore, ScaleStoreKind } from "./scale-store.ts";
import type { SyntheticNodes } from "./synthetic-nodes.ts";

export const BOUNDS = { rssMb: 130, rightMs: 10_000, loopP99Ms: 100 } as const;

export interface Outcome {
  readonly store: ScaleStoreKind;
  readonly nodes: number;
  readonly disturbance: string;
  /** Of the disturbance itself. */
  readonly tookMs: number;
  /** From its end until the kernel agreed with the leases; null when it never did. */
  readonly rightMs: number | null;
  /** The last difference that was seen. */
  readonly difference: string | null;
  readonly maxRssMb: number;
  readonly restRssMb: number;
  readonly loop: LoopReading;
  readonly cpuMs: number;
  readonly listRequests: number;
}

export interface Measured {
  readonly kind: ScaleStoreKind;
  readonly nodes: SyntheticNodes;
  readonly store: ScaleStore;
  readonly watch: DaemonWatch;
  /** Of the daemon. */
  readonly namespace: string;
}

const GIVE_UP_MS = 120_000;
const LOOK_EVERY_MS = 250;
/** Memory of a burst is returned within five seconds. */
const REST_MS = 12_000;
const LOG_LINES = 20;

/** @param disturb resolves when the disturbance has ended */
export async function measureDisturbance(
  { kind, nodes, store, watch, namespace }: Measured,
  disturbance: string,
  disturb: () => Promise<void>,
): Promise<Outcome> {
  process.stderr.write(`${nodes.all.length} nodes, ${kind}: ${disturbance} …\n`);
  await watch.reset();
  const listsBefore = await store.listRequests();
  const startedMs = performance.now();
  await disturb();
  const endedMs = performance.now();
  let rightMs: number | null = null;
  let difference: string | null = null;
  while (rightMs === null && performance.now() - endedMs < GIVE_UP_MS) {
    const seen = await differenceFromTruth(namespace, nodes.all);
    if (seen === null) rightMs = performance.now() - endedMs;
    else {
      difference = seen;
      await sleep(LOOK_EVERY_MS);
    }
  }
  if (rightMs === null) process.stderr.write(`${difference}\n${await logTail()}\n`);
  await sleep(REST_MS);
  const restRssMb = await watch.rssMb();
  // Includes the rest, as memory is returned then, which blocks the event loop too.
  const { maxRssMb, cpuMs, loop } = await watch.read();
  const listRequests = (await store.listRequests()) - listsBefore;
  return {
    store: kind,
    nodes: nodes.all.length,
    disturbance,
    tookMs: endedMs - startedMs,
    rightMs,
    difference,
    maxRssMb,
    restRssMb,
    loop,
    cpuMs,
    listRequests,
  };
}

async function logTail(): Promise<string> {
  const lines = (await readFile(daemonLog(siteNode()), "utf8")).trimEnd().split("\n");
  return lines.slice(-LOG_LINES).join("\n");
}

/** The bounds that were missed, as text. */
export function missedBounds({ maxRssMb, restRssMb, rightMs, loop, difference }: Outcome): readonly string[] {
  const missed: string[] = [];
  if (Math.max(maxRssMb, restRssMb) > BOUNDS.rssMb) missed.push(`RSS over ${BOUNDS.rssMb} MB`);
  if (rightMs === null) missed.push(`never right: ${difference}`);
  else if (rightMs > BOUNDS.rightMs) missed.push(`right after more than ${BOUNDS.rightMs / 1000} s`);
  if (loop.p99Ms > BOUNDS.loopP99Ms) missed.push(`event-loop delay p99 over ${BOUNDS.loopP99Ms} ms`);
  return missed;
}
