/** A run as JSON on disk. */
import { readFile } from "node:fs/promises";
import * as v from "valibot";
import { parseRecordedText } from "../recorded-text.ts";
import { HOST, TWEED } from "../result.ts";

const RECORD = v.object({
  format: v.literal("tweed-promises-1"),
  startedAt: v.string(),
  tookS: v.number(),
  tweed: TWEED,
  host: HOST,
  /** As requested; slow measurements run less often, fast ones more often. */
  rounds: v.number(),
  /** Cores that other programs kept busy, measured before each group. */
  otherCores: v.array(v.number()),
  promises: v.array(
    v.object({
      group: v.string(),
      topic: v.string(),
      detail: v.string(),
      boundMs: v.number(),
      samplesMs: v.pipe(v.array(v.number()), v.minLength(1)),
    }),
  ),
  /** Groups whose measurement did not complete. */
  failures: v.array(v.object({ group: v.string(), reason: v.string() })),
});

export type PromiseRecord = v.InferOutput<typeof RECORD>;

/** @param origin where the text is from, for errors. @throws TweedError `invalid-result` */
export function parsePromiseRecord(text: string, origin: string): PromiseRecord {
  return parseRecordedText(RECORD, text, origin, "bench:promises");
}

export async function readPromiseRecord(path: string): Promise<PromiseRecord> {
  return parsePromiseRecord(await readFile(path, "utf8"), path);
}
