/** One line of the report: what was measured, what came out, and what it may be at most. */

export type Unit = "ms" | "MB" | "% of a core" | "%" | "Gbit/s" | "a second";

export interface Figure {
  readonly name: string;
  readonly unit: Unit;
  /** One for each repetition, in the order they were measured. */
  readonly samples: readonly number[];
  /** What the median may be at most; null for what is only reported. */
  readonly bound: number | null;
}

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** Of an even number of samples the larger of the two in the middle. @throws Error for no samples */
export function spreadOf({ name, samples }: Figure): Spread {
  const sorted = samples.toSorted((a, b) => a - b);
  const [median, min, max] = [sorted[sorted.length >> 1], sorted[0], sorted.at(-1)];
  if (median === undefined || min === undefined || max === undefined) throw new Error(`${name}: no samples`);
  return { median, min, max };
}

export function isMissed(figure: Figure): boolean {
  return figure.bound !== null && spreadOf(figure).median > figure.bound;
}
