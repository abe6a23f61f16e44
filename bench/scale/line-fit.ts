/** Least squares through points, and what the line predicts further out. */

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface LineFit {
  readonly slope: number;
  readonly intercept: number;
  /** Where 95% of new measurements at `x` are expected, if the relation is a line at all: `y` plus or minus `margin`. */
  predict(x: number): { readonly y: number; readonly margin: number };
}

/** Quantiles of Student's t-distribution for 97.5%, by degrees of freedom from 1 on. */
const T = [12.71, 4.3, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23];

/** @throws Error for fewer than three points, or points at one place */
export function fitLine(points: readonly Point[]): LineFit {
  const count = points.length;
  const mean = (of: (point: Point) => number) => points.reduce((sum, point) => sum + of(point), 0) / count;
  const [meanX, meanY] = [mean(({ x }) => x), mean(({ y }) => y)];
  const spread = points.reduce((sum, { x }) => sum + (x - meanX) ** 2, 0);
  if (count < 3 || spread === 0) throw new Error("a line needs three points, at different places");
  const slope = points.reduce((sum, { x, y }) => sum + (x - meanX) * (y - meanY), 0) / spread;
  const intercept = meanY - slope * meanX;
  const squares = points.reduce((sum, { x, y }) => sum + (y - intercept - slope * x) ** 2, 0);
  const deviation = Math.sqrt(squares / (count - 2));
  const t = T[count - 3] ?? 2.2;
  return {
    slope,
    intercept,
    predict: (x) => ({
      y: intercept + slope * x,
      margin: t * deviation * Math.sqrt(1 + 1 / count + (x - meanX) ** 2 / spread),
    }),
  };
}
