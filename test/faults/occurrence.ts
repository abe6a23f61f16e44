/** One occurrence of a fault under traffic: what was lost, and how long the repair took. */
import { setTimeout as sleep } from "node:timers/promises";
import type { LabNode } from "../../src/lab/topology.ts";
import { messageOf } from "../../src/runtime/error.ts";
import type { Bed } from "./bed.ts";
import { type Fault, isForwardedByKernel } from "./fault.ts";
import type { Losses } from "./traffic.ts";

/** Pings that are lost late would be lost within this. */
const SETTLE_MS = 300;

export interface Occurrence {
  readonly fault: string;
  readonly backend: string;
  readonly store: string;
  readonly victim: string;
  readonly sent: number;
  /** Of all pairs. */
  readonly lost: number;
  /** Of the pairs without the victim; all of them where several nodes are hit. */
  readonly lostElsewhere: number;
  /** The longest run of lost pings of any pair. */
  readonly gapMs: number;
  /** From the end of the fault; null when it was not repaired. */
  readonly repairMs: number | null;
  readonly broken: readonly string[];
  readonly silenceMs: number;
  readonly latenessMs: number;
  /** Promises that do not hold. */
  readonly violations: readonly string[];
}

/** @throws only when the run is stopped */
export async function inflict(
  bed: Bed,
  fault: Fault,
  signal: AbortSignal,
  candidates?: readonly LabNode[],
): Promise<Occurrence> {
  const stage = bed.stage(fault, candidates);
  let repairMs: number | null = null;
  let failure: string | null = null;
  const losses = await bed.traffic.during(async () => {
    try {
      await fault.inflict(stage);
      repairMs = await bed.untilRight();
      await sleep(SETTLE_MS, undefined, { signal });
    } catch (error) {
      signal.throwIfAborted();
      failure = messageOf(error);
    }
  });
  const { podName } = stage.victim;
  const lostIn = (pairs: Losses["pairs"]) => pairs.reduce((sum, { lost }) => sum + lost, 0);
  const elsewhere = losses.pairs.filter(({ from, to }) => from !== podName && to !== podName);
  const occurrence = {
    fault: fault.title,
    ...bed.setting,
    victim: stage.victim.name,
    sent: losses.pairs.reduce((sum, { sent }) => sum + sent, 0),
    lost: lostIn(losses.pairs),
    lostElsewhere: lostIn(elsewhere),
    gapMs: Math.max(...losses.pairs.map(({ gapMs }) => gapMs)),
    repairMs,
    broken: losses.broken,
    silenceMs: losses.silenceMs,
    latenessMs: losses.latenessMs,
  };
  return { ...occurrence, violations: violationsOf(fault, occurrence, failure) };
}

function violationsOf(
  { hits, isWide = false, restarts = false }: Fault,
  { backend, lost, lostElsewhere, broken }: Omit<Occurrence, "violations">,
  failure: string | null,
): string[] {
  const ofPrograms = hits === "daemon" || hits === "store";
  // No kernel forwards for the data plane of a userspace backend that is gone.
  const isLossless = ofPrograms && (isForwardedByKernel(backend) || (hits === "store" && !restarts));
  return [
    ...(failure === null ? [] : [`not repaired: ${failure}`]),
    ...(isLossless && lost > 0 ? [`${lost} pings lost, promised is 0`] : []),
    ...(!isLossless && !isWide && lostElsewhere > 0
      ? [`${lostElsewhere} pings lost between nodes that were not hit`]
      : []),
    ...(broken.length > 0 ? [`streams broken: ${broken.join(", ")}`] : []),
  ];
}
