/** The order of a run, as plain data. */
import type { Measurement } from "./measurement.ts";
import type { UnderlayName } from "./underlay.ts";

export interface BenchPlan<Underlay extends UnderlayName> {
  readonly underlays: readonly Underlay[];
  readonly measurements: readonly Measurement[];
  /** The number of repetitions of all measurements. */
  readonly rounds: number;
  /** Length of a stream or a flood; requests and pings take less, see {@link durationOf}. */
  readonly durationS: number;
}

type Timing = Pick<BenchPlan<UnderlayName>, "durationS">;

/** One measurement of every mode in turn: a block, in the words of the design of experiments. */
export interface Block<Underlay extends UnderlayName> {
  /** From 1. */
  readonly round: number;
  readonly underlay: Underlay;
  readonly measurement: Measurement;
}

/**
 * Everything once before anything twice. Changes of the machine meanwhile, of its temperature or its neighbours, then
 * affect all modes alike and appear as spread rather than as a difference.
 */
export function blocksOf<Underlay extends UnderlayName>(plan: BenchPlan<Underlay>): Block<Underlay>[] {
  const blocks: Block<Underlay>[] = [];
  for (let round = 1; round <= plan.rounds; round++) {
    for (const underlay of plan.underlays) {
      for (const measurement of plan.measurements) blocks.push({ round, underlay, measurement });
    }
  }
  return blocks;
}

/**
 * Thousands of requests or hundreds of pings fit into a fraction of the time, and their percentiles are steady
 * long before a stream's rate is.
 */
const SHARE_OF_SHORT = 0.4;

export function durationOf(measurement: Measurement, plan: Timing): number {
  const isShort = measurement.kind === "exchange" || measurement.kind === "ping";
  return isShort ? plan.durationS * SHARE_OF_SHORT : plan.durationS;
}

/** Time for the start and the end of a program. */
const OVERHEAD_S = 0.12;

/** Seconds for blocks of this number of modes, without the build of the labs. */
export function estimateS(blocks: readonly Block<UnderlayName>[], plan: Timing, modes: number): number {
  return blocks.reduce((sum, { measurement }) => sum + durationOf(measurement, plan) + OVERHEAD_S, 0) * modes;
}
