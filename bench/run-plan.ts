/** Runs a plan, one measurement at a time. */
import { messageOf, TweedError } from "../src/runtime/error.ts";
import { coresOfOthers } from "./other-load.ts";
import { type BenchPlan, type Block, blocksOf, durationOf, estimateS } from "./plan.ts";
import type { Sample } from "./result.ts";
import { measure, type Target } from "./target.ts";
import type { UnderlayName } from "./underlay.ts";

export interface PlanEvents<Underlay extends UnderlayName> {
  /** Configures the cables of all modes for this underlay. */
  prepare(underlay: Underlay): Promise<void>;
  /** @param leftS estimated seconds until the end */
  done(block: Block<Underlay>, samples: readonly Sample[], leftS: number): void;
}

export interface PlanRecord {
  /** One for every mode in every block; a failed one contains the reason. */
  readonly samples: Sample[];
  /** Cores that other programs kept busy before each round. */
  readonly otherCores: readonly number[];
}

export async function runPlan<Underlay extends UnderlayName>(
  plan: BenchPlan<Underlay>,
  targets: readonly Target[],
  events: PlanEvents<Underlay>,
  signal: AbortSignal,
): Promise<PlanRecord> {
  const blocks = blocksOf(plan);
  const all: Sample[] = [];
  const otherCores: number[] = [];
  let underlay: Underlay | null = null;
  for (const [index, block] of blocks.entries()) {
    if (block.round > otherCores.length) otherCores.push(await coresOfOthers(signal));
    if (block.underlay !== underlay) await events.prepare(block.underlay);
    underlay = block.underlay;
    const samples: Sample[] = [];
    for (const target of targets) samples.push(await takeSample(target, block, plan, signal));
    events.done(block, samples, estimateS(blocks.slice(index + 1), plan, targets.length));
    all.push(...samples);
  }
  return { samples: all, otherCores };
}

async function takeSample(
  target: Target,
  { round, underlay, measurement }: Block<UnderlayName>,
  plan: Pick<BenchPlan<UnderlayName>, "durationS">,
  signal: AbortSignal,
): Promise<Sample> {
  const place = { round, underlay, mode: target.mode, measurement: measurement.id };
  try {
    const figures = await measure(target, measurement, durationOf(measurement, plan), signal);
    return { outcome: "measured", ...place, ...figures };
  } catch (error) {
    signal.throwIfAborted();
    // A missing figure is reported with the others: to throw would lose them.
    if (!(error instanceof TweedError)) throw error;
    return { outcome: "failed", ...place, reason: messageOf(error) };
  }
}
