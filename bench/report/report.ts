/** A report as data, which every format writes in its own way. */
import type { BenchResult } from "../result.ts";
import { cellsOf } from "../statistics.ts";
import { UNDERLAY_TITLES } from "../underlay.ts";
import type { Picture } from "./picture/panel.ts";
import { picturesOf } from "./pictures.ts";
import type { Table } from "./table.ts";
import {
  behindTable,
  costTable,
  factsTable,
  figuresTable,
  Grid,
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
  const all = [ratioTable(cells, underlays), behindTable(cells), failureTable(result), factsTable(result)];
  return {
    title: "Encapsulation modes compared",
    lead: `Pod to pod between two nodes. Medians of ${result.rounds} interleaved rounds, with their spread.`,
    sections: [
      ...underlays.map((underlay) => {
        const grid = new Grid(cells, underlay);
        const [figures, ...others] = [
          figuresTable(grid),
          costTable(grid),
          latencyTable(grid),
          lossTable(grid),
        ];
        return {
          title: `${UNDERLAY_TITLES[underlay]}`,
          pictures: picturesOf(grid, underlay),
          tables: [figures, ...others].filter((table) => table !== null && table !== undefined),
        };
      }),
      { title: "What it comes to", pictures: [], tables: all.filter((table) => table !== null) },
    ],
  };
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
