/** Two results side by side, and the differences beyond their own spread. */
import type { Measurement } from "./measurement.ts";
import type { BenchResult } from "./result.ts";
import { type Cell, cellKey, cellsOf, type Spread } from "./statistics.ts";
import type { UnderlayName } from "./underlay.ts";

/**
 * "within" when the two ranges of values overlap. With four rounds each, ranges of the same build are disjoint by
 * chance in 1 of 35 cells; with five in 1 of 126 (2 of C(2n, n) orders separate them).
 */
export type Verdict = "within" | "better" | "worse";

export interface Difference {
  readonly underlay: UnderlayName;
  readonly mode: string;
  readonly measurement: Measurement;
  readonly before: Spread;
  readonly after: Spread;
  /** (after − before) / before, of the medians. */
  readonly change: number;
  readonly verdict: Verdict;
}

export interface Comparison {
  readonly differences: readonly Difference[];
  /** Cells that only one of the two has values for. */
  readonly unmatched: readonly string[];
}

export function compareResults(before: BenchResult, after: BenchResult): Comparison {
  const older = withValues(before);
  const newer = withValues(after);
  const differences: Difference[] = [];
  for (const [key, { cell, value }] of older) {
    const match = newer.get(key);
    if (match !== undefined) differences.push(differenceOf(cell, value, match.value));
  }
  const unmatched = [...new Set([...older.keys(), ...newer.keys()])].filter(
    (key) => !older.has(key) || !newer.has(key),
  );
  return { differences, unmatched };
}

function withValues(result: BenchResult): Map<string, { cell: Cell; value: Spread }> {
  return new Map(
    cellsOf(result.samples).flatMap((cell) =>
      cell.value === null
        ? []
        : [[cellKey(cell.underlay, cell.mode, cell.measurement.id), { cell, value: cell.value }] as const],
    ),
  );
}

function differenceOf({ underlay, mode, measurement }: Cell, before: Spread, after: Spread): Difference {
  const change = (after.median - before.median) / before.median;
  return {
    underlay,
    mode,
    measurement,
    before,
    after,
    change,
    verdict: verdictOf(measurement, before, after),
  };
}

function verdictOf(measurement: Measurement, before: Spread, after: Spread): Verdict {
  const isApart = after.min > before.max || after.max < before.min;
  if (!isApart) return "within";
  return after.median > before.median === (measurement.better === "more") ? "better" : "worse";
}
