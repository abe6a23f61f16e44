/** Promises about time, and their measured samples. */
import { median } from "../percentiles.ts";

export interface TimePromise {
  /** The promised quantity. A summary has one row for each topic. */
  readonly topic: string;
  /** The case within the topic; empty for a single case. */
  readonly detail: string;
  /** Upper bound of every single sample. */
  readonly boundMs: number;
}

export interface MeasuredPromise extends TimePromise {
  /** Name of the group that measures it. */
  readonly group: string;
  /** One for each round, in order; at least one. */
  readonly samplesMs: readonly number[];
}

export interface PromiseRow {
  readonly title: string;
  readonly rounds: number;
  readonly medianMs: number;
  readonly worstMs: number;
  readonly boundMs: number;
  readonly isHeld: boolean;
}

/** A sample equal to the bound is within it. One round beyond it breaks the promise. */
export function isHeld({ boundMs, samplesMs }: Pick<MeasuredPromise, "boundMs" | "samplesMs">): boolean {
  return samplesMs.length > 0 && Math.max(...samplesMs) <= boundMs;
}

/** @throws Error for no samples */
export function rowOf(title: string, measured: Pick<MeasuredPromise, "boundMs" | "samplesMs">): PromiseRow {
  const { boundMs, samplesMs } = measured;
  if (samplesMs.length === 0) throw new Error(`${title}: no samples`);
  return {
    title,
    rounds: samplesMs.length,
    medianMs: median(samplesMs),
    worstMs: Math.max(...samplesMs),
    boundMs,
    isHeld: isHeld(measured),
  };
}

/** A row for each promise. */
export function rowsOf(promises: readonly MeasuredPromise[]): PromiseRow[] {
  return promises.map((promise) => rowOf(titleOf(promise), promise));
}

/** A row for each topic, over the samples of all its cases. If the cases have different bounds, the row names them. */
export function summaryOf(promises: readonly MeasuredPromise[]): PromiseRow[] {
  const topics = new Map<string, [MeasuredPromise, ...MeasuredPromise[]]>();
  for (const promise of promises) {
    const key = JSON.stringify([promise.topic, promise.boundMs]);
    const others = topics.get(key);
    if (others === undefined) topics.set(key, [promise]);
    else others.push(promise);
  }
  return Array.from(topics.values(), (cases) => {
    const { topic, boundMs } = cases[0];
    const isAlone = promises.every((each) => each.topic !== topic || each.boundMs === boundMs);
    const detail = isAlone ? "" : cases.map((each) => each.detail).join(", ");
    const samplesMs = cases.flatMap((each) => each.samplesMs);
    return rowOf(titleOf({ topic, detail, boundMs }), { boundMs, samplesMs });
  });
}

export function titleOf({ topic, detail }: TimePromise): string {
  return detail === "" ? topic : `${topic}: ${detail}`;
}
