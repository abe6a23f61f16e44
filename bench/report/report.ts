/** A report as data, which each format renders. */
import type { BenchResult } from "../result.ts";
import { cellsOf, spreadOf } from "../statistics.ts";
import { UNDERLAY_TITLES } from "../underlay.ts";
import { formatValue } from "./format.ts";
import { Grid } from "./grid.ts";
import type { Picture } from "./picture/panel.ts";
import { picturesOf } from "./pictures.ts";
import type { Table } from "./table.ts";
import {
  behindTable,
  costTable,
  factsTable,
  figuresTable,
  latencyTable,
  lossTable,
  ratioTable,
} from "./tables.ts";

export interface ReportSection {
  readonly title: string;
  readonly pictures: readonly Picture[];
  readonly tables: readonly Table[];
}

export interface Report {
  readonly title: string;
  readonly lead: string;
  readonly sections: readonly ReportSection[];
}

export function reportOf(result: BenchResult): Report {
  const cells = cellsOf(result.samples);
  const underlays = result.underlays.map((underlay) => underlay.name);
  const summary = [ratioTable(cells, underlays), behindTable(cells), failureTable(result)];
  return {
    title: "Encapsulation modes compared",
    lead: leadOf(result),
    sections: [
      { title: "What it comes to", pictures: [], tables: present(summary) },
      ...underlays.map((underlay) => {
        const grid = new Grid(cells, underlay);
        return {
          title: UNDERLAY_TITLES[underlay],
          pictures: picturesOf(grid, underlay),
          tables: present([figuresTable(grid), costTable(grid), latencyTable(grid), lossTable(grid)]),
        };
      }),
      { title: "What was measured on what", pictures: [], tables: [factsTable(result)] },
    ].filter(({ pictures, tables }) => pictures.length + tables.length > 0),
  };
}

/** Cores busy with other programs that do not affect the figures. */
const QUIET = 0.15;

function leadOf({ rounds, otherCores }: BenchResult): string {
  const what = `Pod to pod between two nodes. Medians of ${rounds} interleaved rounds, with their spread.`;
  const { median: others } = spreadOf(otherCores);
  if (others <= QUIET) return what;
  return `${what} The machine was not quiet: other programs kept ${formatValue(others)} cores busy, so that figures are low and far apart.`;
}

function present(tables: readonly (Table | null)[]): Table[] {
  return tables.filter((table) => table !== null);
}

function failureTable(result: BenchResult): Table | null {
  const failures = result.samples.filter((sample) => sample.outcome === "failed");
  if (failures.length === 0) return null;
  return {
    title: "What failed",
    note: "",
    head: ["", "underlay", "mode", "round", "reason"],
    rows: failures.map(({ measurement, underlay, mode, round, reason }) => [
      measurement,
      underlay,
      mode,
      String(round),
      reason,
    ]),
  };
}
