/** A recorded run as text: the document beside the JSON, and the generated part of the README. */
import { formatSpread } from "../report/format.ts";
import { spreadOf } from "../statistics.ts";
import { rowsOf, summaryOf } from "./promise.ts";
import type { PromiseRecord } from "./record.ts";
import { describeCounts, describeOutcome, promiseTable } from "./table.ts";

export function promiseDocument(record: PromiseRecord): string {
  const { promises, failures } = record;
  const parts = [
    "# Promises about time, measured",
    conditionsOf(record),
    "## By topic",
    promiseTable(summaryOf(promises)),
    "## One by one",
    promiseTable(rowsOf(promises)),
    ...(failures.length === 0 ? [] : ["## Not measured", ...failures.map(describeFailure)]),
    `${describeOutcome(rowsOf(promises))}.`,
  ];
  return `${parts.join("\n\n")}\n`;
}

/** Groups that concern the operator of a cluster; the others measure parts of a daemon. */
const README_GROUPS: ReadonlySet<string> = new Set([
  "repair",
  "rules",
  "restart",
  "switch",
  "start",
  "readiness",
  "lease",
  "departure",
  "api-server",
  "lease-5000",
]);

/** The short form, for the README. */
export function promiseSummary(record: PromiseRecord): string {
  const { failures } = record;
  const promises = record.promises.filter(({ group }) => README_GROUPS.has(group));
  return [
    conditionsOf(record),
    promiseTable(summaryOf(promises)),
    `Of all that is measured, ${describeCounts(rowsOf(record.promises))}.`,
    ...(failures.length === 0
      ? []
      : [`Not measured to the end: ${failures.map(({ group }) => group).join(", ")}.`]),
  ].join("\n\n");
}

function describeFailure({ group, reason }: PromiseRecord["failures"][number]): string {
  return `- \`${group}\`: ${reason.replaceAll(/\s+/g, " ")}`;
}

function conditionsOf({ startedAt, tweed, host, otherCores }: PromiseRecord): string {
  const commit = tweed.commit === null ? "" : ` at commit ${tweed.commit}`;
  const machine = `${host.cores} cores of ${host.cpu}, ${host.kernel}`;
  const others =
    otherCores.length === 0
      ? ""
      : ` Other programs kept ${formatSpread(spreadOf(otherCores))} cores busy meanwhile.`;
  return `Measured on ${startedAt.slice(0, 10)}${commit} on ${machine}. A promise is held when the worst round is within its bound.${others}`;
}
