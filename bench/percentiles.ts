/** A distribution in a few numbers. */

/** Shares of the values at or below, in the order of {@link Distribution.values}. */
export const PERCENTILES = [1, 5, 10, 25, 50, 75, 90, 95, 99, 99.9] as const;

export interface Distribution {
  readonly count: number;
  /** The values at {@link PERCENTILES}, in the unit of the input. */
  readonly values: readonly number[];
  readonly max: number;
}

/** @returns null for no values */
export function distribution(values: Float64Array | readonly number[]): Distribution | null {
  const sorted = Float64Array.from(values).sort();
  const max = sorted.at(-1);
  if (max === undefined) return null;
  return { count: sorted.length, values: PERCENTILES.map((share) => nearestRank(sorted, share)), max };
}

export function percentile(of: Distribution, share: (typeof PERCENTILES)[number]): number {
  return of.values[PERCENTILES.indexOf(share)] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** The smallest value that this share of the values does not exceed. */
function nearestRank(sorted: Float64Array, share: number): number {
  // 99.9 percent of 1000 is a little more than 999 in binary.
  const rank = Math.max(1, Math.ceil((share / 100) * sorted.length - 1e-9));
  return sorted[rank - 1] ?? Number.NaN;
}
