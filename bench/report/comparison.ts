import type { Comparison } from "../comparison.ts";
import { formatChange, formatSpread } from "./format.ts";
import { tableMarkdown } from "./table.ts";

export function describeComparison({ differences, unmatched }: Comparison): string {
  const table = tableMarkdown({
    title: "",
    note: "",
    head: ["", "underlay", "mode", "before", "after", "change", "verdict"],
    rows: differences.map(({ measurement, underlay, mode, before, after, change, verdict }) => [
      `${measurement.title}, ${measurement.unit}`,
      underlay,
      mode,
      formatSpread(before),
      formatSpread(after),
      formatChange(change),
      verdict === "within" ? "within the spread" : verdict,
    ]),
  });
  const count = (verdict: string) => differences.filter((each) => each.verdict === verdict).length;
  const total = `${differences.length} cells: ${count("within")} within the spread, ${count("better")} better, ${count("worse")} worse`;
  const missing = unmatched.length === 0 ? [] : [`in one of the two only: ${unmatched.join(", ")}`];
  return [table, total, ...missing].join("\n\n");
}
