/**
 * Measures the promises about time, each many times: `npm run bench:promises`. It prints a table, and ends with 0 also
 * when a promise is not held, because it is a measurement. It ends with 1 when something could not be measured.
 * Requires root, iproute2, etcd, nftables, iptables and iperf3; runs only in network namespaces that it creates.
 *
 *     npm run bench:promises -- --only repair,rules --rounds 2 --json /tmp/promises.json
 */
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import packageJson from "../../package.json" with { type: "json" };
import { requirePrograms } from "../../src/lab/requirements.ts";
import { replaceFile } from "../../src/runtime/atomic-file.ts";
import { messageOf } from "../../src/runtime/error.ts";
import { nodeFiles } from "../../src/runtime/node-files.ts";
import { Guard } from "../guard.ts";
import { readCommit, readHostFacts } from "../host-facts.ts";
import { coresOfOthers } from "../other-load.ts";
import { promiseDocument } from "./document.ts";
import type { Bench, PromiseGroup } from "./group.ts";
import { GROUPS } from "./groups.ts";
import { rowsOf } from "./promise.ts";
import type { PromiseRecord } from "./record.ts";
import { runGroups } from "./run.ts";
import { describeOutcome, promiseTable } from "./table.ts";

/** A full run takes twenty minutes on two cores that other programs keep busy; it waits for half of that time. */
const ROUNDS = 3;
/** Record of a run of all groups, which the README quotes. */
const RECORD = "bench/results/recorded/promises.json";
const BUNDLE = resolve("dist/tweed.cjs");
const PROGRAMS = [
  "ip",
  "bridge",
  "etcd",
  "nft",
  "iptables",
  "iperf3",
  "openssl",
  "/usr/lib/cni/bridge",
] as const;

const say = (line: string) => process.stderr.write(`${line}\n`);

async function measureGroups(
  groups: readonly PromiseGroup[],
  rounds: number,
  signal: AbortSignal,
): Promise<PromiseRecord> {
  const startedAt = new Date().toISOString();
  const startMs = performance.now();
  await requirePrograms(PROGRAMS, say);
  const host = await readHostFacts();
  const bench: Omit<Bench, "note"> = {
    program: { tweed: [process.execPath, BUNDLE], extraFlags: [] },
    rounds,
    signal,
  };
  const guard = await Guard.start(bench.program.tweed);
  try {
    const run = await runGroups(groups, bench, coresOfOthers, say);
    return {
      format: "tweed-promises-1",
      startedAt,
      tookS: (performance.now() - startMs) / 1000,
      tweed: { version: packageJson.version, ...(await readCommit(BUNDLE)) },
      host,
      rounds,
      otherCores: [...run.otherCores],
      promises: run.promises.map((promise) => ({ ...promise, samplesMs: promise.samplesMs.map(rounded) })),
      failures: [...run.failures],
    };
  } finally {
    await guard.dismiss();
  }
}

/** To microseconds: further digits are noise of the clock. */
function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

/** @throws Error for a name that no group has */
function chosenGroups(only: string | undefined): readonly PromiseGroup[] {
  if (only === undefined) return GROUPS;
  const names = only.split(",");
  const unknown = names.find((name) => !GROUPS.some((group) => group.name === name));
  if (unknown !== undefined) {
    const known = GROUPS.map(({ name }) => name).join(", ");
    throw new Error(`--only is ${JSON.stringify(unknown)}, expected some of ${known}`);
  }
  return GROUPS.filter(({ name }) => names.includes(name));
}

async function write(record: PromiseRecord, file: string): Promise<void> {
  await replaceFile(nodeFiles, file, `${JSON.stringify(record, null, 1)}\n`, { mode: 0o644 });
  await replaceFile(nodeFiles, file.replace(/(\.json)?$/, ".md"), promiseDocument(record), { mode: 0o644 });
  say(`written to ${file}; npm run bench:readme puts what is recorded into the README`);
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      only: { type: "string" },
      rounds: { type: "string", default: String(ROUNDS) },
      json: { type: "string" },
    },
  });
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new Error(`--rounds is ${values.rounds}, expected 1 or more`);
  const groups = chosenGroups(values.only);
  const stop = new AbortController();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(name, () => stop.abort(new Error(`stopped by ${name}`)));
  }
  const record = await measureGroups(groups, rounds, stop.signal);
  const file = values.json ?? (values.only === undefined ? RECORD : undefined);
  if (file !== undefined) await write(record, file);
  const rows = rowsOf(record.promises);
  if (rows.length > 0) process.stdout.write(`${promiseTable(rows)}\n`);
  for (const { group, reason } of record.failures) {
    process.stdout.write(`not measured to its end: ${group}: ${reason}\n`);
  }
  process.stdout.write(`${describeOutcome(rows)}\n`);
  return record.failures.length === 0 ? 0 : 1;
}

main().then(
  (exitCode) => process.exit(exitCode),
  (error: unknown) => {
    say(`bench:promises: ${messageOf(error)}`);
    process.exit(1);
  },
);
