/** The usage text of a table of flags, in the format of Go's PrintDefaults. */
import type { Flag, FlagTable } from "./flag.ts";

export function usageText(synopsis: string, table: FlagTable): string {
  const flags = Object.entries(table)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, flag]) => describe(name, flag));
  return `Usage: ${synopsis}\n${flags.join("")}`;
}

function describe(name: string, flag: Flag<unknown>): string {
  const value = flag.placeholder === null ? "" : ` ${flag.placeholder}`;
  return `  --${name}${value}\n    \t${flag.help}${describeFallback(flag.fallback)}\n`;
}

/** Omits zero values, as Go does. */
function describeFallback(fallback: unknown): string {
  const isZero = fallback === null || fallback === "" || fallback === 0 || fallback === false;
  // Lists and compound values have no short text; the help names their default.
  return isZero || typeof fallback === "object" ? "" : ` (default ${String(fallback)})`;
}
