/** Whether a series grows: least squares, with a confidence interval that knows that neighbouring samples are alike. */

export interface Sample {
  readonly atS: number;
  readonly value: number;
  /** Samples of a group have a level of their own: a userspace backend holds more memory as long as it runs. */
  readonly group: string;
}

export interface Slope {
  readonly perHour: number;
  /** Bounds of the 95% confidence interval. */
  readonly low: number;
  readonly high: number;
  readonly samples: number;
}

const SECONDS_PER_HOUR = 3600;
const MOST_CORRELATION = 0.99;

/** null for too few samples. */
export function slopeOf(samples: readonly Sample[]): Slope | null {
  const points = withoutLevels(samples);
  const groups = new Set(samples.map(({ group }) => group)).size;
  const freedom = samples.length - groups - 1;
  const spread = sum(points.map(({ x }) => x * x));
  if (freedom < 1 || spread === 0) return null;
  const slope = sum(points.map(({ x, y }) => x * y)) / spread;
  const rests = points.map(({ x, y }) => y - slope * x);
  const square = sum(rests.map((rest) => rest * rest));
  // Correlation of neighbours: the more alike they are, the fewer samples they are worth (Bartlett's formula).
  const products = rests.slice(1).map((rest, index) => rest * (rests[index] ?? 0));
  const correlation = square === 0 ? 0 : Math.min(MOST_CORRELATION, Math.max(0, sum(products) / square));
  const worth = (1 - correlation) / (1 + correlation);
  const error = Math.sqrt(square / freedom / spread / worth);
  const margin = studentQuantile(Math.max(1, freedom * worth)) * error;
  const perHour = (value: number) => value * SECONDS_PER_HOUR;
  return {
    perHour: perHour(slope),
    low: perHour(slope - margin),
    high: perHour(slope + margin),
    samples: samples.length,
  };
}

/** Deviations of time and value from the means of their group: the slope that all groups share is left. */
function withoutLevels(samples: readonly Sample[]): readonly { readonly x: number; readonly y: number }[] {
  const byGroup = new Map<string, Sample[]>();
  for (const sample of samples) byGroup.set(sample.group, [...(byGroup.get(sample.group) ?? []), sample]);
  const means = new Map(
    Array.from(byGroup, ([group, all]) => [
      group,
      {
        x: sum(all.map(({ atS }) => atS)) / all.length,
        y: sum(all.map(({ value }) => value)) / all.length,
      },
    ]),
  );
  return samples.map(({ atS, value, group }) => {
    const { x = 0, y = 0 } = means.get(group) ?? {};
    return { x: atS - x, y: value - y };
  });
}

/** The 97.5% quantile of Student's distribution, within 4% from three degrees of freedom on. */
function studentQuantile(freedom: number): number {
  return 1.96 + 2.37 / freedom + 2.82 / freedom ** 2;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
