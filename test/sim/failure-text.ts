/** A failure in words: where it comes from, the numbered steps, what was logged, and how to run it again. */

import type { History, Result } from "./history.ts";
import { formatLine } from "./host-log.ts";
import { describeStep } from "./step.ts";

export function describeHistory({ options, steps }: History): string {
  const { nodes, store, backend, checksReversePath, flags } = options;
  const head = `${nodes} nodes, ${store} store, backend ${backend}, ${checksReversePath ? "strict" : "no"} reverse path filter, flags ${flags.join(" ") || "none"}`;
  const lines = steps.map(
    ({ step, pauseMs }, place) =>
      `${String(place + 1).padStart(3)}. ${describeStep(step).slice(0, 240)}, then ${pauseMs} ms`,
  );
  return [head, ...lines].join("\n");
}

export function describeViolation({ violation, atStep }: Result): string {
  if (violation === null) return "no violation";
  const { invariant, reason, atMs } = violation;
  return `"${invariant}" after step ${atStep + 1}, at ${(atMs / 1000).toFixed(3)} s: ${reason}`;
}

/** Steps and log lines of all hosts in the order of time. */
export function traceLines({ trace }: Result): readonly string[] {
  const lines: { readonly atMs: number; readonly text: string }[] = trace.events.map(({ atMs, text }) => {
    return { atMs, text: `${(atMs / 1000).toFixed(3)} ---- ${text}` };
  });
  for (const { name, log } of trace.cluster.hosts)
    lines.push(...log.lines.map((line) => ({ atMs: line.atMs, text: `${formatLine(line)} on ${name}` })));
  return lines.sort((one, other) => one.atMs - other.atMs).map(({ text }) => text);
}
