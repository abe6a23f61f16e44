import { MEASUREMENTS, type Measurement } from "../measurement.ts";
import type { Cell } from "../statistics.ts";
import type { UnderlayName } from "../underlay.ts";

/** For an empty cell. */
export const NOTHING = "–";

/** Cells of one underlay, to be laid out by measurement and mode. */
export class Grid {
  readonly modes: readonly string[];
  readonly measurements: readonly Measurement[];
  readonly #cells: readonly Cell[];

  constructor(cells: readonly Cell[], underlay: UnderlayName) {
    this.#cells = cells.filter((cell) => cell.underlay === underlay);
    this.modes = [...new Set(this.#cells.map((cell) => cell.mode))];
    const ids = new Set(this.#cells.map((cell) => cell.measurement.id));
    this.measurements = MEASUREMENTS.filter((measurement) => ids.has(measurement.id));
  }

  cell(mode: string, measurement: Measurement): Cell | null {
    return this.#cells.find((cell) => cell.mode === mode && cell.measurement.id === measurement.id) ?? null;
  }

  /** A row for each measurement with any figure, a column for each mode. */
  rows(
    measurements: readonly Measurement[],
    title: (measurement: Measurement) => string,
    text: (cell: Cell) => string | null,
  ): string[][] {
    return measurements
      .map((measurement) => [
        title(measurement),
        ...this.modes.map((mode) => {
          const cell = this.cell(mode, measurement);
          return (cell === null ? null : text(cell)) ?? NOTHING;
        }),
      ])
      .filter(([, ...texts]) => texts.some((each) => each !== NOTHING));
  }
}
