/** The pictures of one underlay. */
import type { Measurement } from "../measurement.ts";
import { percentile } from "../percentiles.ts";
import type { Cell } from "../statistics.ts";
import type { UnderlayName } from "../underlay.ts";
import { formatValue } from "./format.ts";
import type { Grid } from "./grid.ts";
import { distributionMarks, partMarks, spreadMarks } from "./picture/marks.ts";
import { drawPicture, type Panel, type Picture, PLOT_WIDTH } from "./picture/panel.ts";
import { linearScale, logScale } from "./picture/scale.ts";
import { modeColour } from "./picture/style.ts";

export function picturesOf(grid: Grid, underlay: UnderlayName): Picture[] {
  const ofKind = (...kinds: Measurement["kind"][]) =>
    grid.measurements.filter(({ kind }) => kinds.includes(kind));
  const spreadNote = "Bar: median. Whisker: least to greatest. Dots: rounds.";
  return [
    picture("throughput", "TCP throughput", spreadNote, underlay, spreadPanels(grid, ofKind("tcp"), true)),
    picture("packets", "Packets received", spreadNote, underlay, spreadPanels(grid, ofKind("udp"), false)),
    picture(
      "cpu",
      "Cores busy for each Gbit/s",
      "Pale: the whole machine, both ends, with the applications. Full: the daemons.",
      underlay,
      costPanels(
        grid,
        grid.measurements.filter(({ id }) => id === "tcp" || id === "udp1400"),
      ),
    ),
    picture(
      "latency",
      "Latency",
      "Microseconds, logarithmic. Box: the middle half. Line: the middle 98%. Stroke and figure: the median. Ring: 99.9%.",
      underlay,
      latencyPanels(grid, ofKind("ping", "exchange")),
    ),
    picture(
      "requests",
      "Requests and connections",
      spreadNote,
      underlay,
      spreadPanels(grid, ofKind("exchange"), false),
    ),
  ].filter((each) => each !== null);
}

function picture(
  name: string,
  title: string,
  note: string,
  underlay: UnderlayName,
  panels: readonly Panel[],
): Picture | null {
  if (panels.length === 0) return null;
  const full = `${title}, ${underlay}`;
  return { name: `${name}-${underlay}`, title: full, note, svg: drawPicture(full, panels) };
}

/** @param isShared one scale for all, so that panels can be compared with each other */
function spreadPanels(grid: Grid, measurements: readonly Measurement[], isShared: boolean): Panel[] {
  const most = (cells: readonly Cell[]) => Math.max(0, ...cells.map((cell) => cell.value?.max ?? 0));
  const all = measurements.flatMap((measurement) => cellsOf(grid, measurement));
  return measurements.map((measurement) => {
    const cells = cellsOf(grid, measurement);
    const scale = linearScale(most(isShared ? all : cells), PLOT_WIDTH);
    return {
      title: `${measurement.title}, ${measurement.unit}`,
      scale,
      rows: cells.map(({ mode, value, values }) => ({
        label: mode,
        marks: value === null ? [] : spreadMarks(value, values, colourOf(grid, mode), scale),
        value: value === null ? "failed" : formatValue(value.median),
      })),
    };
  });
}

function costPanels(grid: Grid, measurements: readonly Measurement[]): Panel[] {
  return measurements.flatMap((measurement) => {
    const costs = cellsOf(grid, measurement).flatMap(
      ({ mode, machineCoresPerGbps: machine, daemonCoresPerGbps: daemon }) =>
        machine === null || daemon === null ? [] : [{ mode, machine, daemon }],
    );
    if (costs.length === 0) return [];
    const scale = linearScale(Math.max(...costs.map(({ machine }) => machine)), PLOT_WIDTH);
    const rows = costs.map(({ mode, machine, daemon }) => ({
      label: mode,
      marks: partMarks(machine, daemon, colourOf(grid, mode), scale),
      value: `${formatValue(machine)} (${formatValue(daemon)})`,
    }));
    return [{ title: measurement.title, scale, rows }];
  });
}

function latencyPanels(grid: Grid, measurements: readonly Measurement[]): Panel[] {
  return measurements.flatMap((measurement) => {
    const latencies = cellsOf(grid, measurement).flatMap(({ mode, latencyUs }) =>
      latencyUs === null ? [] : [{ mode, latencyUs }],
    );
    if (latencies.length === 0) return [];
    const least = Math.min(...latencies.map(({ latencyUs }) => percentile(latencyUs, 1)));
    const most = Math.max(...latencies.map(({ latencyUs }) => percentile(latencyUs, 99.9)));
    const scale = logScale(least, most, PLOT_WIDTH);
    const rows = latencies.map(({ mode, latencyUs }) => ({
      label: mode,
      marks: distributionMarks(latencyUs, colourOf(grid, mode), scale),
      value: formatValue(percentile(latencyUs, 50)),
    }));
    return [{ title: `What ${measurement.takes ?? measurement.title} takes, µs`, scale, rows }];
  });
}

function cellsOf(grid: Grid, measurement: Measurement): Cell[] {
  return grid.modes.map((mode) => grid.cell(mode, measurement)).filter((cell) => cell !== null);
}

function colourOf(grid: Grid, mode: string): string {
  return modeColour(grid.modes.indexOf(mode));
}
