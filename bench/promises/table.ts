import { formatValue } from "../report/format.ts";
import { tableMarkdown } from "../report/table.ts";
import type { PromiseRow } from "./promise.ts";

const HEAD = ["promise", "rounds", "median", "worst", "bound", "held"];

/** For terminals and documents. */
export function promiseTable(rows: readonly PromiseRow[]): string {
  return tableMarkdown({ title: "", note: "", head: HEAD, rows: rows.map(cells) });
}

function cells({ title, rounds, medianMs, worstMs, boundMs, isHeld }: PromiseRow): string[] {
  return [
    title,
    String(rounds),
    inMs(medianMs),
    inMs(worstMs),
    `${boundMs.toLocaleString("en")} ms`,
    isHeld ? "yes" : "NO",
  ];
}

function inMs(value: number): string {
  return `${formatValue(value)} ms`;
}

/** "61 promises held, 2 not held" */
export function describeCounts(rows: readonly PromiseRow[]): string {
  const held = rows.filter(({ isHeld }) => isHeld).length;
  return `${held} promises held, ${rows.length - held} not held`;
}

/** The counts, and the promises that were not held. */
export function describeOutcome(rows: readonly PromiseRow[]): string {
  const broken = rows.filter(({ isHeld }) => !isHeld).map(({ title }) => title);
  return broken.length === 0 ? describeCounts(rows) : `${describeCounts(rows)}: ${broken.join("; ")}`;
}
