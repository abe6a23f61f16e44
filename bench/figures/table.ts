import { type Figure, isMissed, spreadOf, type Unit } from "./figure.ts";

const HEADINGS = ["", "median", "min–max", "bound", ""] as const;
const DECIMALS: Readonly<Record<Unit, number>> = {
  ms: 1,
  MB: 1,
  "% of a core": 2,
  "%": 1,
  "Gbit/s": 2,
  "a second": 1,
};

/** The figures as text, one line each, columns aligned. */
export function formatTable(figures: readonly Figure[]): string {
  const rows = [HEADINGS, ...figures.map(cells)];
  const widths = HEADINGS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) => row.map((cell, column) => align(cell, widths[column] ?? 0, column === 0)).join("  "))
    .map((line) => line.trimEnd())
    .join("\n");
}

function cells(figure: Figure): readonly string[] {
  const { unit, bound } = figure;
  const { median, min, max } = spreadOf(figure);
  const text = (value: number) => value.toFixed(DECIMALS[unit]);
  const verdict = bound === null ? "" : isMissed(figure) ? "MISSED" : "ok";
  return [
    figure.name,
    `${text(median)} ${unit}`,
    `${text(min)}–${text(max)}`,
    bound === null ? "" : `≤ ${bound} ${unit}`,
    verdict,
  ];
}

function align(cell: string, width: number, isLeft: boolean): string {
  return isLeft ? cell.padEnd(width) : cell.padStart(width);
}
