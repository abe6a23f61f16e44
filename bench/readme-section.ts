/** The figures in the README, generated from recorded results. */
import { promiseSummary } from "./promises/document.ts";
import type { PromiseRecord } from "./promises/record.ts";
import { formatSpread, formatValue } from "./report/format.ts";
import { Grid, NOTHING } from "./report/grid.ts";
import { type Table, tableMarkdown } from "./report/table.ts";
import { behindTable, ratioTable } from "./report/tables.ts";
import type { BenchResult } from "./result.ts";
import { cellsOf, spreadOf } from "./statistics.ts";
import { describeUnderlay, UNDERLAY_TITLES } from "./underlay.ts";

/** Two marks that enclose a generated part of the document. */
interface Marks {
  readonly begin: string;
  readonly end: string;
}

const FIGURES: Marks = { begin: "<!-- figures: npm run bench:readme -->", end: "<!-- end of figures -->" };
const PROMISES: Marks = { begin: "<!-- promises: npm run bench:readme -->", end: "<!-- end of promises -->" };

/** @returns the document with the figures between their marks. @throws Error without them */
export function withFigures(document: string, result: BenchResult): string {
  return withText(document, FIGURES, figuresOf(result));
}

/** @returns the document with the promises between their marks. @throws Error without them */
export function withPromises(document: string, record: PromiseRecord): string {
  return withText(document, PROMISES, promiseSummary(record));
}

function withText(document: string, marks: Marks, text: string): string {
  const begin = document.indexOf(marks.begin);
  const end = document.indexOf(marks.end);
  if (begin < 0 || end < begin) throw new Error(`the document lacks ${marks.begin} and ${marks.end}`);
  return `${document.slice(0, begin + marks.begin.length)}\n${text}\n${document.slice(end)}`;
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

/** The figures with their spread, and the cost of a Gbit/s. */
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
