/** The record of a run, as JSON on disk. */
import { readFile } from "node:fs/promises";
import * as v from "valibot";
import { messageOf, TweedError } from "../src/runtime/error.ts";
import { MEASUREMENTS } from "./measurement.ts";
import { parseRecordedText } from "./recorded-text.ts";

const DISTRIBUTION = v.object({
  count: v.number(),
  values: v.pipe(v.array(v.number()), v.readonly()),
  max: v.number(),
});

const PLACE_IN_RUN = {
  round: v.number(),
  underlay: v.picklist(["same-host", "wire-like", "real"]),
  mode: v.string(),
  measurement: v.picklist(MEASUREMENTS.map((measurement) => measurement.id)),
};

const MEASURED = v.object({
  outcome: v.literal("measured"),
  ...PLACE_IN_RUN,
  /** In the measurement's unit. */
  value: v.number(),
  gbps: v.nullable(v.number()),
  retransmits: v.nullable(v.number()),
  lostPercent: v.nullable(v.number()),
  latencyUs: v.nullable(DISTRIBUTION),
  /** Busy cores of the whole machine, or both machines, and those of the daemons. */
  machineCores: v.number(),
  daemonCores: v.number(),
  daemonRssMb: v.number(),
  drops: v.number(),
});

const FAILED = v.object({ outcome: v.literal("failed"), ...PLACE_IN_RUN, reason: v.string() });

/** What was measured. */
export const TWEED = v.object({ version: v.string(), commit: v.nullable(v.string()), changed: v.boolean() });

/** What it was measured on. */
export const HOST = v.object({
  kernel: v.string(),
  cpu: v.string(),
  cores: v.number(),
  memoryGb: v.number(),
  node: v.string(),
  iperf3: v.string(),
  /** One-minute load average before the run. */
  load: v.number(),
});

const RESULT = v.object({
  format: v.literal("tweed-bench-1"),
  startedAt: v.string(),
  tookS: v.number(),
  tweed: TWEED,
  hosts: v.array(HOST),
  rounds: v.number(),
  durationS: v.number(),
  /** Cores that other programs kept busy on this machine, measured before each round. */
  otherCores: v.pipe(v.array(v.number()), v.readonly()),
  modes: v.array(v.object({ name: v.string(), about: v.string() })),
  underlays: v.array(v.object({ name: PLACE_IN_RUN.underlay, about: v.string() })),
  samples: v.array(v.variant("outcome", [MEASURED, FAILED])),
});

export type MeasuredSample = v.InferOutput<typeof MEASURED>;
export type FailedSample = v.InferOutput<typeof FAILED>;
export type Sample = MeasuredSample | FailedSample;
export type HostFacts = v.InferOutput<typeof HOST>;
export type BenchResult = v.InferOutput<typeof RESULT>;

/** The part of a result that the run itself produces. */
export type RunRecord = Pick<BenchResult, "hosts" | "otherCores" | "modes" | "underlays" | "samples">;

/** @param origin where the text is from, for errors. @throws TweedError `invalid-result` */
export function parseResult(text: string, origin: string): BenchResult {
  return parseRecordedText(RESULT, text, origin, "tweed bench --json");
}

export async function readResult(path: string): Promise<BenchResult> {
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw new TweedError({ code: "usage", operation: `read ${path}`, reason: messageOf(cause), cause });
  });
  return parseResult(text, path);
}

/** @returns the facts of another machine. @throws TweedError `invalid-result` */
export function parseHostFacts(value: unknown, origin: string): HostFacts {
  const result = v.safeParse(HOST, value);
  if (result.success) return result.output;
  throw new TweedError({
    code: "invalid-result",
    operation: `read ${origin}`,
    reason: `it is not what tweed bench --server says: ${v.summarize(result.issues)}`,
  });
}
