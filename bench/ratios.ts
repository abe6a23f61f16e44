/** Ratios of the figures: how much faster, how much slower. */
import type { MeasurementId } from "./measurement.ts";
import type { Cell } from "./statistics.ts";
import type { UnderlayName } from "./underlay.ts";

interface Question {
  readonly title: string;
  readonly of: readonly [mode: string, measurement: MeasurementId];
  readonly to: readonly [mode: string, measurement: MeasurementId];
}

const QUESTIONS: readonly Question[] = [
  question("TCP, one stream: udp to udp-no-offload", "tcp", "udp", "udp-no-offload"),
  question("TCP, one stream: udp to vxlan", "tcp", "udp", "vxlan"),
  question("UDP, 64 bytes: udp to vxlan", "udp64", "udp", "vxlan"),
  question("UDP, 64 bytes: udp to udp-no-offload", "udp64", "udp", "udp-no-offload"),
  question("UDP, 1400 bytes: udp to vxlan", "udp1400", "udp", "vxlan"),
  question("ping: udp to udp-no-offload", "ping", "udp", "udp-no-offload"),
  question("ping: udp to vxlan", "ping", "udp", "vxlan"),
  question("TCP, one stream: vxlan to vxlan-unfiltered", "tcp", "vxlan", "vxlan-unfiltered"),
  question("UDP, 64 bytes: vxlan to vxlan-unfiltered", "udp64", "vxlan", "vxlan-unfiltered"),
  { title: "udp, TCP: back to forth", of: ["udp", "tcp-reverse"], to: ["udp", "tcp"] },
  { title: "udp, TCP: 4 streams to one", of: ["udp", "tcp-4"], to: ["udp", "tcp"] },
  { title: "udp, TCP: 16 streams to one", of: ["udp", "tcp-16"], to: ["udp", "tcp"] },
];

function question(title: string, measurement: MeasurementId, mode: string, other: string): Question {
  return { title, of: [mode, measurement], to: [other, measurement] };
}

export interface Ratio {
  readonly title: string;
  /** Ratio of the medians on each underlay that has both. */
  readonly on: ReadonlyMap<UnderlayName, number>;
}

/** The ratios that these cells allow. */
export function ratiosOf(cells: readonly Cell[]): Ratio[] {
  const underlays = [...new Set(cells.map((cell) => cell.underlay))];
  const medianOf = (underlay: UnderlayName, [mode, id]: Question["of"]) =>
    cells.find((cell) => cell.underlay === underlay && cell.mode === mode && cell.measurement.id === id)
      ?.value?.median ?? null;
  return QUESTIONS.map(({ title, of, to }) => {
    const pairs = underlays.flatMap((underlay) => {
      const [above, below] = [medianOf(underlay, of), medianOf(underlay, to)];
      return above === null || below === null ? [] : [[underlay, above / below] as const];
    });
    return { title, on: new Map(pairs) };
  }).filter(({ on }) => on.size > 0);
}

/** A measurement in which a mode of ours is behind another mode, by the medians. */
export interface Loss {
  readonly underlay: UnderlayName;
  readonly cell: Cell;
  readonly other: Cell;
  /** Factor by which the other is better, above 1. */
  readonly factor: number;
}

/** @returns the measurements in which `other` is better than `mode`, the largest gap first */
export function lossesOf(cells: readonly Cell[], mode: string, other: string): Loss[] {
  return cells
    .filter((cell) => cell.mode === mode)
    .flatMap((cell) => {
      const rival = cells.find(
        (each) =>
          each.mode === other &&
          each.underlay === cell.underlay &&
          each.measurement.id === cell.measurement.id,
      );
      if (cell.value === null || rival === undefined || rival.value === null) return [];
      const quotient = rival.value.median / cell.value.median;
      const factor = cell.measurement.better === "more" ? quotient : 1 / quotient;
      return factor > 1 ? [{ underlay: cell.underlay, cell, other: rival, factor }] : [];
    })
    .sort((a, b) => b.factor - a.factor);
}
