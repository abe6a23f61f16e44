/** Colours for light and dark, as CSS variables that pictures and page share. */
const LIGHT = {
  page: "#ffffff",
  ink: "#1c2330",
  soft: "#5b6472",
  line: "#d9dee6",
  shade: "#f4f6f9",
};
const DARK = {
  page: "#14181f",
  ink: "#e8ecf2",
  soft: "#a3adbb",
  line: "#333c49",
  shade: "#1c222b",
};
/** One for each mode, distinct in brightness as well as in hue. */
const MODES_LIGHT = ["#2f6fb4", "#0d8a7a", "#74b43c", "#d2580c", "#8a6fc8", "#b03058", "#8a7a1c", "#4b5563"];
const MODES_DARK = ["#6ba8ea", "#34bfab", "#a3d977", "#fb9650", "#b8a3f2", "#f0809f", "#d6c45c", "#9aa5b4"];

export const PICTURE_STYLE = `
:root { color-scheme: light dark; ${variables(LIGHT, MODES_LIGHT)} }
@media (prefers-color-scheme: dark) { :root { ${variables(DARK, MODES_DARK)} } }
svg text { font: 12px system-ui, "DejaVu Sans", sans-serif; fill: var(--ink); }
svg .title { font-weight: 600; }
svg .soft { fill: var(--soft); font-size: 11px; }
svg .grid { stroke: var(--line); stroke-width: 1; }
svg .base { stroke: var(--soft); stroke-width: 1; }
svg .whisker { stroke: var(--ink); stroke-width: 1.4; fill: none; }
svg .dot { fill: var(--ink); stroke: var(--page); stroke-width: 0.8; }
`.trim();

/** The colour of the mode at this position in the run's list. */
export function modeColour(index: number): string {
  return `var(--mode${index % MODES_LIGHT.length})`;
}

function variables(base: Readonly<Record<string, string>>, modes: readonly string[]): string {
  const named = Object.entries(base).map(([name, colour]) => `--${name}: ${colour};`);
  const numbered = modes.map((colour, index) => `--mode${index}: ${colour};`);
  return [...named, ...numbered].join(" ");
}
