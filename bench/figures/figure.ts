/** One line of the report: the quantity, its samples, and its upper bound. */

export type Unit = "ms" | "MB" | "% of a core" | "%" | "Gbit/s" | "a second";

export interface Figure {
  readonly name: string;
  readonly unit: Unit;
  /** One for each repetition, in the order they were measured. */
  readonly samples: readonly number[];
  /** Upper bound of the median; null for a figure that is only reported. */
  readonly bound: number | null;
}

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** The median of an even number of samples is the larger of the two in the middle. @throws Error for no samples */
export function spreadOf({ name, samples }: Figure): Spread {
  const sorted = samples.toSorted((a, b) => a - b);
  const [median, min, max] = [sorted[sorted.length >> 1], sorted[0], sorted.at(-1)];
  if (median === undefined || min === undefined || max === undefined) throw new Error(`${name}: no samples`);
  return { median, min, max };
}

export function isMissed(figure: Figure): boolean {
  return figure.bound !== null && spreadOf(figure).median > figure.bound;
}
