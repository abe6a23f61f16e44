import { type Growth, isSuspicious } from "./growth.ts";
import type { Measurement } from "./measurement.ts";
import type { SearchReport } from "./search.ts";

const PROMISED_MS = 1;

export function searchLines(report: SearchReport): readonly string[] {
  const { inputs, blocks, newFiles, files, failures } = report;
  const share = blocks.known === 0 ? "" : ` (${((100 * blocks.covered) / blocks.known).toFixed(1)}%)`;
  return [
    `${inputs} inputs, ${failures.length} failures, ${blocks.covered} of ${blocks.known} known blocks covered${share}, ` +
      `${newFiles} new corpus entries, ${files} in all`,
    ...failures.flatMap(({ signature, stack, input, path }) => [
      `FAILED: ${signature}`,
      ...(path === null ? [] : [`  saved as ${path}`]),
      `  input of ${input.length} bytes: ${JSON.stringify(Buffer.from(input).toString("latin1")).slice(0, 300)}`,
      ...stack
        .split("\n")
        .slice(0, 8)
        .map((line) => `  ${line}`),
    ]),
  ];
}

/** @param what is measured: an input, or what one peer has written of it */
export function measurementLines({ slowest, growth }: Measurement, what: string): readonly string[] {
  const isOver = slowest.some(({ cpuMs }) => cpuMs > PROMISED_MS);
  return [
    `slowest ${what}, least CPU time of several runs: ` +
      slowest.map(({ cpuMs, input }) => `${cpuMs.toFixed(2)} ms for ${input.length} bytes`).join(", ") +
      (isOver ? `  (over ${PROMISED_MS} ms)` : ""),
    `growth: ${growth.slice(0, 2).map(describe).join("; ") || "all shapes quick at a quarter of the size"}`,
    ...growth.filter(isSuspicious).map((each) => `SUPERLINEAR: ${describe(each)}`),
  ];
}

function describe({ unit, input, cpuMs }: Growth): string {
  const times = cpuMs.map((each) => each.toFixed(2)).join(", ");
  return `${unit} repeated, ${times} ms for a quarter, half and all of ${input.length} bytes`;
}
