/** Occurrences as a table: a row for each fault and backend. */
import type { Occurrence } from "./occurrence.ts";

const HEAD = [
  "fault",
  "backend",
  "store",
  "times",
  "lost, median",
  "lost, worst",
  "longest gap",
  "repair, median",
  "repair, worst",
  "TCP resets",
  "held",
];

export function faultTable(occurrences: readonly Occurrence[]): string {
  const groups = new Map<string, Occurrence[]>();
  for (const occurrence of occurrences) {
    const { fault, backend, store } = occurrence;
    const key = `${fault}\n${backend}\n${store}`;
    groups.set(key, [...(groups.get(key) ?? []), occurrence]);
  }
  const rows = Array.from(groups, ([key, group]) => {
    const lost = group.map((each) => each.lost);
    const repairsMs = group.flatMap(({ repairMs }) => (repairMs === null ? [] : [repairMs]));
    const isHeld = group.every(({ violations }) => violations.length === 0);
    return [
      ...key.split("\n"),
      String(group.length),
      String(median(lost)),
      String(Math.max(...lost)),
      `${Math.max(...group.map(({ gapMs }) => gapMs))} ms`,
      repairsMs.length === 0 ? "never" : `${Math.round(median(repairsMs))} ms`,
      repairsMs.length < group.length ? "never" : `${Math.round(Math.max(...repairsMs))} ms`,
      String(group.reduce((sum, { broken }) => sum + broken.length, 0)),
      isHeld ? "yes" : "NO",
    ];
  });
  return formatTable([HEAD, ...rows]);
}

/** The upper one of two. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

function formatTable(rows: readonly (readonly string[])[]): string {
  const widths = HEAD.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => (column < 3 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join(" | ")} |`;
  const [head = [], ...body] = rows.map(line);
  const rule = `|${widths.map((width, column) => (column < 3 ? "-".repeat(width + 2) : `${"-".repeat(width + 1)}:`)).join("|")}|`;
  return [head, rule, ...body].join("\n");
}
