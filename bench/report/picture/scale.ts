/** Maps values to positions, and has the values of the axis labels. */
export interface Scale {
  position(value: number): number;
  readonly ticks: readonly number[];
}

const STEPS = [1, 2, 2.5, 5, 10];

/** From 0 to at least `most`, over `width` pixels, with three to six round ticks. */
export function linearScale(most: number, width: number): Scale {
  const top = most > 0 ? most : 1;
  const magnitude = 10 ** Math.floor(Math.log10(top / 4));
  const step = (STEPS.find((each) => top / (each * magnitude) <= 5) ?? 10) * magnitude;
  const end = Math.ceil(top / step - 1e-9) * step;
  const ticks = Array.from({ length: Math.round(end / step) + 1 }, (_, index) => roundOff(index * step));
  return { ticks, position: (value) => (value / end) * width };
}

/** Logarithmic from a round value below `least` to one above `most`, both positive. */
export function logScale(least: number, most: number, width: number): Scale {
  const rounds = [1, 2, 5].flatMap((digit) =>
    Array.from({ length: 16 }, (_, index) => roundOff(digit * 10 ** (index - 4))),
  );
  rounds.sort((a, b) => a - b);
  const start = rounds.findLast((value) => value <= least) ?? least;
  const end = rounds.find((value) => value >= most && value > start) ?? most;
  const span = Math.log(end / start);
  const inside = rounds.filter((value) => value >= start && value <= end);
  // More than six would overlap: then powers of ten only.
  const isPower = (value: number) => Number.isInteger(Math.round(Math.log10(value) * 1e6) / 1e6);
  const ticks = inside.length <= 6 ? inside : inside.filter(isPower);
  return { ticks, position: (value) => (Math.log(value / start) / span) * width };
}

/** 0.1 × 3 must print as 0.3. */
function roundOff(value: number): number {
  return Number(value.toPrecision(6));
}
