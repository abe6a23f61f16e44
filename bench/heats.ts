/** Runs the heats of a plan, one measurement at a time. */
import { messageOf, TweedError } from "../src/runtime/error.ts";
import { coresOfOthers } from "./other-load.ts";
import { type BenchPlan, durationOf, estimateS, type Heat, heatsOf } from "./plan.ts";
import type { Sample } from "./result.ts";
import { measure, type Target } from "./target.ts";
import type { UnderlayName } from "./underlay.ts";

export interface HeatEvents<Underlay extends UnderlayName> {
  /** Brings the cables of all modes into this state. */
  prepare(underlay: Underlay): Promise<void>;
  /** @param leftS estimated seconds until the end */
  done(heat: Heat<Underlay>, samples: readonly Sample[], leftS: number): void;
}

export interface HeatRecord {
  /** One for every mode in every heat; one that failed says why. */
  readonly samples: Sample[];
  /** Cores that other programs kept busy before each round. */
  readonly otherCores: readonly number[];
}

export async function runHeats<Underlay extends UnderlayName>(
  plan: BenchPlan<Underlay>,
  targets: readonly Target[],
  events: HeatEvents<Underlay>,
  signal: AbortSignal,
): Promise<HeatRecord> {
  const heats = heatsOf(plan);
  const all: Sample[] = [];
  const otherCores: number[] = [];
  let underlay: Underlay | null = null;
  for (const [index, heat] of heats.entries()) {
    if (heat.round > otherCores.length) otherCores.push(await coresOfOthers(signal));
    if (heat.underlay !== underlay) await events.prepare(heat.underlay);
    underlay = heat.underlay;
    const samples: Sample[] = [];
    for (const target of targets) samples.push(await takeSample(target, heat, plan, signal));
    events.done(heat, samples, estimateS(heats.slice(index + 1), plan, targets.length));
    all.push(...samples);
  }
  return { samples: all, otherCores };
}

async function takeSample(
  target: Target,
  { round, underlay, measurement }: Heat<UnderlayName>,
  plan: Pick<BenchPlan<UnderlayName>, "durationS">,
  signal: AbortSignal,
): Promise<Sample> {
  const place = { round, underlay, mode: target.mode, measurement: measurement.id };
  try {
    const figures = await measure(target, measurement, durationOf(measurement, plan), signal);
    return { outcome: "measured", ...place, ...figures };
  } catch (error) {
    signal.throwIfAborted();
    // One figure that is missing is told with the others, rather than thrown in their place.
    if (!(error instanceof TweedError)) throw error;
    return { outcome: "failed", ...place, reason: messageOf(error) };
  }
}
