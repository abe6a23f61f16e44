/** Runs a range of the histories of a seed. */
import { drawHistory, type History, type HistoryOptions, type Result, runHistory } from "./history.ts";
import type { Replacements } from "./replacements.ts";

export interface Range {
  readonly seed: number;
  readonly from: number;
  readonly count: number;
  /** Of so many workers this one takes every so manieth history. */
  readonly stride: number;
}

export interface Totals {
  histories: number;
  steps: number;
  checks: number;
  simulatedMs: number;
  failures: number;
}

export function noTotals(): Totals {
  return { histories: 0, steps: 0, checks: 0, simulatedMs: 0, failures: 0 };
}

export function add(totals: Totals, more: Totals): void {
  for (const key of Object.keys(totals) as (keyof Totals)[]) totals[key] += more[key];
}

export interface Failure {
  readonly index: number;
  readonly history: History;
  readonly result: Result;
}

/** @param onFailure returns whether to go on */
export async function runRange(
  { seed, from, count, stride }: Range,
  options: HistoryOptions,
  onFailure: (failure: Failure) => Promise<boolean>,
  replacements: Replacements = {},
): Promise<Totals> {
  const totals = noTotals();
  for (let index = from; index < from + count; index += stride) {
    const history = drawHistory(seed, index, options);
    const result = await runHistory(history, replacements);
    totals.histories += 1;
    totals.steps += Math.min(result.atStep + 1, history.steps.length);
    totals.checks += result.checks;
    totals.simulatedMs += result.simulatedMs;
    if (result.violation === null) continue;
    totals.failures += 1;
    if (!(await onFailure({ index, history, result }))) break;
  }
  return totals;
}
