/** The figures in the README, made of a recorded result. */
import { formatSpread, formatValue } from "./report/format.ts";
import { Grid, NOTHING } from "./report/grid.ts";
import { type Table, tableMarkdown } from "./report/table.ts";
import { behindTable, ratioTable } from "./report/tables.ts";
import type { BenchResult } from "./result.ts";
import { cellsOf, spreadOf } from "./statistics.ts";
import { describeUnderlay, UNDERLAY_TITLES } from "./underlay.ts";

const BEGIN = "<!-- figures: npm run bench:readme -->";
const END = "<!-- end of figures -->";

/** @returns the document with the figures between its two marks. @throws Error without them */
export function withFigures(document: string, result: BenchResult): string {
  const begin = document.indexOf(BEGIN);
  const end = document.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`the document lacks ${BEGIN} and ${END}`);
  return `${document.slice(0, begin + BEGIN.length)}\n${figuresOf(result)}\n${document.slice(end)}`;
}

function figuresOf(result: BenchResult): string {
  const cells = cellsOf(result.samples);
  const underlays = result.underlays.map(({ name }) => name);
  const figures = underlays.map((underlay) =>
    [
      `**${UNDERLAY_TITLES[underlay]}** (${describeUnderlay(underlay)})`,
      tableMarkdown(summaryTable(new Grid(cells, underlay))),
    ].join("\n\n"),
  );
  const closing = [ratioTable(cells, underlays), behindTable(cells)]
    .filter((table) => table !== null)
    .map((table) => `**${table.title}**\n\n${tableMarkdown(table)}`);
  return [conditions(result), ...figures, ...closing].join("\n\n");
}

/** The figures with their spread, and what a Gbit/s costs. */
function summaryTable(grid: Grid): Table {
  const stream = grid.measurements.filter(({ id }) => id === "tcp");
  return {
    title: "",
    note: "",
    head: ["", ...grid.modes],
    rows: [
      ...grid.rows(
        grid.measurements,
        (measurement) => `${measurement.title}, ${measurement.unit}`,
        ({ value }) => (value === null ? NOTHING : formatSpread(value)),
      ),
      ...grid.rows(
        stream,
        () => "cores busy for each Gbit/s of one stream",
        ({ machineCoresPerGbps }) => (machineCoresPerGbps === null ? null : formatValue(machineCoresPerGbps)),
      ),
      ...grid.rows(
        stream,
        () => "segments of one stream sent again",
        ({ retransmits }) => (retransmits === null ? null : formatValue(retransmits)),
      ),
    ],
  };
}

function conditions({ hosts, tweed, rounds, durationS, startedAt, otherCores }: BenchResult): string {
  const [host] = hosts;
  const machine =
    host === undefined ? "an unknown machine" : `${host.cores} cores of ${host.cpu}, ${host.kernel}`;
  const commit = tweed.commit === null ? "" : ` at commit ${tweed.commit}`;
  return `Measured on ${startedAt.slice(0, 10)}${commit} on ${machine}: medians of ${rounds} rounds of ${durationS} s, interleaved, with the least and the greatest. Other programs kept ${formatSpread(spreadOf(otherCores))} cores busy meanwhile.`;
}
