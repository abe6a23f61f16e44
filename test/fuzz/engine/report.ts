import { type Growth, isSuspicious } from "./growth.ts";
import type { SessionReport } from "./session.ts";

const PROMISED_MS = 1;

export function reportLines(report: SessionReport): readonly string[] {
  const { inputs, blocks, newFiles, files, slowest, growth, failures } = report;
  const superlinear = growth.filter(isSuspicious);
  return [
    `${inputs} inputs, ${blocks.covered} of ${blocks.known} known blocks covered, ` +
      `${newFiles} new corpus entries, ${files} in all`,
    `slowest: ${slowest.map(({ cpuMs, input }) => `${cpuMs.toFixed(2)} ms for ${input.length} bytes`).join(", ")}` +
      `${slowest.some(({ cpuMs }) => cpuMs > PROMISED_MS) ? `  (over ${PROMISED_MS} ms)` : ""}`,
    `growth: ${growth.slice(0, 2).map(describe).join("; ") || "all shapes quick at a quarter of the size"}`,
    ...superlinear.map((each) => `SUPERLINEAR: ${describe(each)}`),
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

function describe({ unit, bytes, cpuMs, ratio }: Growth): string {
  return `${unit} repeated, ${cpuMs.toFixed(2)} ms for ${bytes} bytes, ${ratio.toFixed(1)} times that of a quarter`;
}
