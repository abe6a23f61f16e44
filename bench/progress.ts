/** One line for each block, with the remaining time. */

import type { Block } from "./plan.ts";
import { formatValue } from "./report/format.ts";
import type { Sample } from "./result.ts";
import type { UnderlayName } from "./underlay.ts";

const TITLE_WIDTH = 30;

/** "2/4 wire-like TCP, one stream  host-gw 14.1  vxlan 10.2 Gbit/s  about 3:40 left" */
export function describeBlock(
  { round, underlay, measurement }: Block<UnderlayName>,
  rounds: number,
  samples: readonly Sample[],
  leftS: number,
): string {
  const figures = samples.map((sample) =>
    sample.outcome === "failed" ? `${sample.mode} failed` : `${sample.mode} ${formatValue(sample.value)}`,
  );
  const where = `${round}/${rounds}  ${underlay.padEnd(9)}  ${measurement.title.padEnd(TITLE_WIDTH)}`;
  return `${where} ${figures.join("  ")}  ${measurement.unit}, ${formatSpan(leftS)} left`;
}

/** "3:07" */
export function formatSpan(seconds: number): string {
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
