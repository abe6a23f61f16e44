import type { BenchResult } from "../result.ts";
import { cellsOf } from "../statistics.ts";
import { UNDERLAY_TITLES } from "../underlay.ts";
import { Grid } from "./grid.ts";
import { tableMarkdown } from "./table.ts";
import { figuresTable, ratioTable } from "./tables.ts";

/** The final output in a terminal: the figures and their ratios. */
export function describeResult(result: BenchResult): string {
  const cells = cellsOf(result.samples);
  const underlays = result.underlays.map((underlay) => underlay.name);
  const figures = underlays.map((underlay) =>
    [UNDERLAY_TITLES[underlay], tableMarkdown(figuresTable(new Grid(cells, underlay)))].join("\n\n"),
  );
  const ratios = ratioTable(cells, underlays);
  return [...figures, ...(ratios === null ? [] : [tableMarkdown(ratios)])].join("\n\n");
}
