/** The marks in a row of a panel. */
import { type Distribution, percentile } from "../../percentiles.ts";
import type { Spread } from "../../statistics.ts";
import { element } from "./element.ts";
import type { Scale } from "./scale.ts";

const BAR_HEIGHT = 14;
const WHISKER_HEIGHT = 8;

/** A bar to the median, a whisker from least to greatest, a dot for each round. */
export function spreadMarks(
  spread: Spread,
  values: readonly number[],
  colour: string,
  scale: Scale,
): string[] {
  return [
    bar(spread.median, colour, scale, 0.85),
    whisker(scale.position(spread.min), scale.position(spread.max)),
    ...values.map((value) => element("circle", { cx: scale.position(value), cy: 0, r: 2.4, class: "dot" })),
  ];
}

/** A pale bar for the whole, and in it a solid one for a part. */
export function partMarks(whole: number, part: number, colour: string, scale: Scale): string[] {
  return [bar(whole, colour, scale, 0.35), bar(part, colour, scale, 1)];
}

/** The middle half thick, the middle 98% thin, a stroke at the median, a ring at 99.9%. */
export function distributionMarks(of: Distribution, colour: string, scale: Scale): string[] {
  const at = (share: Parameters<typeof percentile>[1]) => scale.position(percentile(of, share));
  const [low, quarter, middle, threeQuarters, high] = [at(1), at(25), at(50), at(75), at(99)];
  return [
    element("line", { x1: low, x2: high, y1: 0, y2: 0, stroke: colour, "stroke-width": 3, opacity: 0.6 }),
    element("rect", {
      x: quarter,
      y: -BAR_HEIGHT / 2,
      width: Math.max(1, threeQuarters - quarter),
      height: BAR_HEIGHT,
      rx: 2,
      fill: colour,
    }),
    element("line", { x1: middle, x2: middle, y1: -9, y2: 9, class: "whisker" }),
    element("circle", { cx: at(99.9), cy: 0, r: 3, fill: "none", stroke: colour, "stroke-width": 1.6 }),
  ];
}

function bar(value: number, colour: string, scale: Scale, opacity: number): string {
  const width = Math.max(0.5, scale.position(value));
  return element("rect", {
    x: 0,
    y: -BAR_HEIGHT / 2,
    width,
    height: BAR_HEIGHT,
    rx: 2,
    fill: colour,
    opacity,
  });
}

function whisker(from: number, to: number): string {
  const half = WHISKER_HEIGHT / 2;
  return element("path", {
    d: `M${from} ${-half}V${half}M${from} 0H${to}M${to} ${-half}V${half}`,
    class: "whisker",
  });
}
