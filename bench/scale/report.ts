/** The outcomes as text. */

import { BOUNDS, missedBounds, type Outcome } from "./disturbance.ts";
import { fitLine, type LineFit } from "./line-fit.ts";
import type { ScaleStoreKind } from "./scale-store.ts";
import type { SlopeSample } from "./slope.ts";

type Row = readonly string[];

const HEADINGS: Row = [
  "",
  "RSS max",
  "at rest",
  "right after",
  "loop p50",
  "p99",
  "max",
  "CPU",
  "list requests",
  "programs",
  "",
];

export function outcomeTable(outcomes: readonly Outcome[]): string {
  const bounds: Row = [
    "bound",
    `≤ ${BOUNDS.rssMb} MB`,
    `≤ ${BOUNDS.rssMb} MB`,
    `≤ ${BOUNDS.rightMs / 1000} s`,
    "",
    `≤ ${BOUNDS.loopP99Ms} ms`,
    ...Array<string>(5).fill(""),
  ];
  return aligned([HEADINGS, bounds, ...outcomes.map(cells)]);
}

/** For the progress; the table follows at the end. */
export function outcomeLine(outcome: Outcome): string {
  return cells(outcome)
    .map((cell, column) => (column === 0 ? cell : `${HEADINGS[column]} ${cell}`.trim()))
    .join(", ");
}

function cells(outcome: Outcome): Row {
  const { store, nodes, disturbance, maxRssMb, restRssMb, rightMs, loop, cpuMs, listRequests } = outcome;
  const ms = (value: number) => `${value.toFixed(0)} ms`;
  const missed = missedBounds(outcome);
  return [
    `${nodes} nodes, ${store}: ${disturbance}`,
    `${maxRssMb.toFixed(1)} MB`,
    `${restRssMb.toFixed(1)} MB`,
    rightMs === null ? "never" : `${(rightMs / 1000).toFixed(2)} s`,
    ms(loop.p50Ms),
    ms(loop.p99Ms),
    ms(loop.maxMs),
    `${(cpuMs / 1000).toFixed(1)} s`,
    String(listRequests),
    String(loop.programs),
    missed.length === 0 ? "held" : "MISSED",
  ];
}

const FAR = 20_000;
const QUANTITIES: readonly [keyof SlopeSample, string, string][] = [
  ["rssMb", "RSS at rest", "MB"],
  ["startMs", "process start to ready", "ms"],
  ["planMs", "plan for one changed lease", "ms"],
  ["cpuMsPerEvent", "CPU for each change under churn", "ms"],
];

/** 20,000 nodes on paper: what lines through the measurements predict. */
export function extrapolationTable(kind: ScaleStoreKind, samples: readonly SlopeSample[]): string {
  const rows = QUANTITIES.map(([key, name, unit]): Row => {
    const fit = fitLine(samples.map((sample) => ({ x: sample.nodes, y: sample[key] })));
    return [`${kind}: ${name}`, ...measuredAt(samples, key), formula(fit, unit), prediction(fit, unit)];
  });
  const sizes = sizesOf(samples).map((size) => `${size} nodes`);
  return aligned([["", ...sizes, "line, by 1,000 nodes", "20,000 nodes, 95%"], ...rows]);
}

function sizesOf(samples: readonly SlopeSample[]): readonly number[] {
  return [...new Set(samples.map(({ nodes }) => nodes))];
}

function measuredAt(samples: readonly SlopeSample[], key: keyof SlopeSample): Row {
  return sizesOf(samples).map((size) => {
    const values = samples.filter(({ nodes }) => nodes === size).map((sample) => sample[key]);
    return `${Math.min(...values).toFixed(1)}–${Math.max(...values).toFixed(1)}`;
  });
}

function formula({ intercept, slope }: LineFit, unit: string): string {
  return `${intercept.toFixed(1)} + ${(slope * 1000).toFixed(2)} ${unit}`;
}

function prediction(fit: LineFit, unit: string): string {
  const { y, margin } = fit.predict(FAR);
  return `${y.toFixed(1)} ± ${margin.toFixed(1)} ${unit}`;
}

function aligned(rows: readonly Row[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const pad = (cell: string, column: number) =>
    column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0);
  return rows.map((row) => row.map(pad).join("  ").trimEnd()).join("\n");
}
