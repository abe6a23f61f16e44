/** The tables of a report. */
import type { Measurement } from "../measurement.ts";
import { type PERCENTILES, percentile } from "../percentiles.ts";
import { lossesOf, ratiosOf } from "../ratios.ts";
import type { BenchResult } from "../result.ts";
import { type Cell, spreadOf } from "../statistics.ts";
import type { UnderlayName } from "../underlay.ts";
import { formatFactor, formatSpread, formatValue } from "./format.ts";
import { type Grid, NOTHING } from "./grid.ts";
import type { Table } from "./table.ts";

export function figuresTable(grid: Grid): Table {
  return {
    title: "Figures",
    note: "Median of the rounds, with the least and the greatest.",
    head: ["", ...grid.modes],
    rows: grid.rows(
      grid.measurements,
      (measurement) => `${measurement.title}, ${measurement.unit}`,
      (cell) => (cell.value === null ? "failed" : formatSpread(cell.value)),
    ),
  };
}

export function costTable(grid: Grid): Table {
  // Small packets carry little payload; their cost for each Gbit/s is meaningless.
  const bulk = grid.measurements.filter(({ id }) => id !== "udp64");
  return {
    title: "Cores busy for each Gbit/s",
    note: "Of the whole machine with both ends, the applications and the kernel's work; in brackets the daemons' share.",
    head: ["", ...grid.modes],
    rows: grid.rows(
      bulk,
      (measurement) => measurement.title,
      ({ machineCoresPerGbps: machine, daemonCoresPerGbps: daemon }) =>
        machine === null || daemon === null ? null : `${formatValue(machine)} (${formatValue(daemon)})`,
    ),
  };
}

export function lossTable(grid: Grid): Table {
  const count =
    (pick: (cell: Cell) => number | null, unit = "") =>
    (cell: Cell) => {
      const value = pick(cell);
      return value === null ? null : `${formatValue(value)}${unit}`;
    };
  const streams = grid.measurements.filter(({ kind }) => kind === "tcp");
  const floods = grid.measurements.filter(({ kind }) => kind === "udp");
  const title = (what: string) => (measurement: Measurement) => `${measurement.title}: ${what}`;
  return {
    title: "Losses and memory",
    note: "In each round. A flood is sent as fast as the sender can, so that loss is part of it.",
    head: ["", ...grid.modes],
    rows: [
      ...grid.rows(
        streams,
        title("segments sent again"),
        count((cell) => cell.retransmits),
      ),
      ...grid.rows(
        floods,
        title("lost"),
        count((cell) => cell.lostPercent, "%"),
      ),
      ...grid.rows(
        [...streams, ...floods],
        title("dropped on the nodes"),
        count((cell) => cell.drops),
      ),
      ["Memory of a daemon at most, MB", ...grid.modes.map((mode) => greatestRss(grid, mode))],
    ],
  };
}

function greatestRss(grid: Grid, mode: string): string {
  const sizes = grid.measurements.map((measurement) => grid.cell(mode, measurement)?.daemonRssMb ?? 0);
  return formatValue(Math.max(0, ...sizes));
}

const SHOWN_PERCENTILES = [50, 90, 99, 99.9] as const satisfies readonly (typeof PERCENTILES)[number][];

/** null without latencies. */
export function latencyTable(grid: Grid): Table | null {
  const rows = grid.measurements.flatMap((measurement) =>
    grid.modes.flatMap((mode) => {
      const latency = grid.cell(mode, measurement)?.latencyUs ?? null;
      if (latency === null) return [];
      const figures = SHOWN_PERCENTILES.map((share) => formatValue(percentile(latency, share)));
      return [[`${measurement.takes ?? measurement.title}, ${mode}`, ...figures, formatValue(latency.max)]];
    }),
  );
  if (rows.length === 0) return null;
  return {
    title: "Latency, µs",
    note: "Medians of the rounds' percentiles, and the greatest of all.",
    head: ["", ...SHOWN_PERCENTILES.map((share) => `p${share}`), "max"],
    rows,
  };
}

/** null if the compared modes were not measured. */
export function ratioTable(cells: readonly Cell[], underlays: readonly UnderlayName[]): Table | null {
  const ratios = ratiosOf(cells);
  if (ratios.length === 0) return null;
  return {
    title: "In proportion",
    note: "Ratios of medians.",
    head: ["", ...underlays],
    rows: ratios.map(({ title, on }) => [
      title,
      ...underlays.map((underlay) => {
        const ratio = on.get(underlay);
        return ratio === undefined ? NOTHING : formatFactor(ratio);
      }),
    ]),
  };
}

/**
 * Measurements in which kernel VXLAN is better than userspace UDP; null if there are none, or VXLAN was not measured.
 */
export function behindTable(cells: readonly Cell[]): Table | null {
  const losses = lossesOf(cells, "udp", "vxlan");
  if (losses.length === 0) return null;
  const text = (cell: Cell) =>
    cell.value === null ? NOTHING : `${formatValue(cell.value.median)} ${cell.measurement.unit}`;
  return {
    title: "Where udp is behind vxlan",
    note: "By the medians, the largest gap first.",
    head: ["", "underlay", "udp", "vxlan", "vxlan is better by"],
    rows: losses.map(({ underlay, cell, other, factor }) => [
      cell.measurement.title,
      underlay,
      text(cell),
      text(other),
      formatFactor(factor),
    ]),
  };
}

export function factsTable(result: BenchResult): Table {
  const { tweed, hosts, modes, underlays, rounds, durationS, otherCores } = result;
  const build =
    tweed.commit === null ? "" : `, commit ${tweed.commit}${tweed.changed ? " with changes" : ""}`;
  const named = (kind: string, all: readonly { readonly name: string; readonly about: string }[]) =>
    all.map(({ name, about }) => [`${kind} ${name}`, about]);
  return {
    title: "Set-up",
    note: "",
    head: ["", ""],
    rows: [
      ["Tweed", `${tweed.version}${build}`],
      ...hosts.flatMap((host, index) => {
        const name = hosts.length === 1 ? "" : index === 0 ? " of the client" : " of the server";
        return [
          [
            `Machine${name}`,
            `${host.cores} cores of ${host.cpu}, ${host.memoryGb} GB, load ${host.load} at the start`,
          ],
          [`Software${name}`, `${host.kernel}, Node.js ${host.node}, iperf3 ${host.iperf3}`],
        ];
      }),
      [
        "Other programs",
        `kept ${formatSpread(spreadOf(otherCores))} cores busy, looked at before each round`,
      ],
      ["Rounds", `${rounds}, interleaved: everything once before anything twice; streams of ${durationS} s`],
      ...named("Mode", modes),
      ...named("Underlay", underlays),
      ["Started", `${result.startedAt}, took ${Math.round(result.tookS)} s`],
    ],
  };
}
