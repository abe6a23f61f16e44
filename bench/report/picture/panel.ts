/** A panel has a title, a row for each mode and a scale below; panels of one size make a picture. */
import { formatTick } from "../format.ts";
import { element, group, text } from "./element.ts";
import type { Scale } from "./scale.ts";

/** Pixels. */
export const PANEL = {
  width: 440,
  /** Names of the rows are to the left of the plot, values to its right. */
  labelWidth: 108,
  valueWidth: 88,
  rowHeight: 26,
  titleHeight: 30,
  axisHeight: 24,
  gap: 24,
} as const;

export const PLOT_WIDTH = PANEL.width - PANEL.labelWidth - PANEL.valueWidth;

export interface PanelRow {
  readonly label: string;
  /** Draws within the row, whose middle is at y = 0, x from 0 to {@link PLOT_WIDTH}. */
  readonly marks: readonly string[];
  readonly value: string;
}

export interface Panel {
  readonly title: string;
  readonly rows: readonly PanelRow[];
  readonly scale: Scale;
}

export function drawPanel({ title, rows, scale }: Panel): string {
  const plotHeight = rows.length * PANEL.rowHeight;
  const baseline = element("line", { x1: 0, x2: 0, y1: 0, y2: plotHeight, class: "base" });
  const grid = scale.ticks.map((tick) => {
    const x = scale.position(tick);
    return (
      element("line", { x1: x, x2: x, y1: 0, y2: plotHeight, class: "grid" }) +
      text(formatTick(tick), { x, y: plotHeight + 15, class: "soft", "text-anchor": "middle" })
    );
  });
  const drawn = rows.map(({ label, marks, value }, index) =>
    group(
      0,
      (index + 0.5) * PANEL.rowHeight,
      text(label, { x: -8, y: 4, "text-anchor": "end" }),
      ...marks,
      text(value, { x: PLOT_WIDTH + 8, y: 4 }),
    ),
  );
  return (
    text(title, { x: 0, y: 16, class: "title" }) +
    group(PANEL.labelWidth, PANEL.titleHeight, ...grid, baseline, ...drawn)
  );
}

export interface Picture {
  /** Name of the file: "throughput-wire-like". */
  readonly name: string;
  readonly title: string;
  /** How to read it. */
  readonly note: string;
  readonly svg: string;
}

/** Two panels in a row. @param style embedded if the picture must be self-contained */
export function drawPicture(title: string, panels: readonly Panel[]): string {
  const columns = Math.min(2, panels.length);
  const height = Math.max(
    ...panels.map(({ rows }) => PANEL.titleHeight + rows.length * PANEL.rowHeight + PANEL.axisHeight),
  );
  const lines = Math.ceil(panels.length / columns);
  const width = columns * PANEL.width + (columns - 1) * PANEL.gap;
  const whole = lines * height + (lines - 1) * PANEL.gap;
  const placed = panels.map((panel, index) =>
    group(
      (index % columns) * (PANEL.width + PANEL.gap),
      Math.floor(index / columns) * (height + PANEL.gap),
      drawPanel(panel),
    ),
  );
  return element(
    "svg",
    {
      xmlns: "http://www.w3.org/2000/svg",
      viewBox: `0 0 ${width} ${whole}`,
      width,
      height: whole,
      role: "img",
      "aria-label": title,
    },
    ...placed,
  );
}
