/**
 * `npm run fuzz -- [--target T] [--inputs N] [--seconds N] [--seed S] [--shapes N]`: runs each target, or one, in threads of its
 * own, and prints what it found. New inputs go into the corpus, failing ones too. Exits with 1 after a failure.
 */
import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { Corpus } from "./corpus.ts";
import { CurrentInput } from "./engine/current-input.ts";
import { measurementLines, searchLines } from "./engine/report.ts";
import type { MeasureTask, SearchTask, WorkerMessage } from "./engine/worker-task.ts";
import { TARGETS } from "./targets/index.ts";

/** Processor time after which an input has no end for a daemon; a loaded machine may stop a thread for minutes. */
const STUCK_CPU_MS = 30_000;
const CHECK_MS = 1000;
/** What the daemon's container has, and the harness. */
const MAX_HEAP_MB = 768;

const TARGET_NAMES = TARGETS.map(({ name }) => name);
const { values } = parseArgs({
  options: {
    target: { type: "string", multiple: true },
    inputs: { type: "string", default: "100000" },
    seconds: { type: "string", default: "Infinity" },
    seed: { type: "string" },
    shapes: { type: "string", default: "200" },
  },
});
const seed = Number(values.seed ?? randomInt(2 ** 31));
const wanted = values.target ?? TARGET_NAMES;
const unknown = wanted.filter((name) => !TARGET_NAMES.includes(name));
if (unknown.length > 0) {
  console.error(`no such target: ${unknown.join(", ")}; expected ${TARGET_NAMES.join(", ")}`);
  process.exit(2);
}
let failures = 0;
for (const target of wanted) failures += await fuzz(target);
process.exit(failures === 0 ? 0 : 1);

/** @returns the number of failures */
async function fuzz(target: string): Promise<number> {
  const startedMs = performance.now();
  const [inputs, seconds, shapes] = [values.inputs, values.seconds, values.shapes].map(Number) as [
    number,
    number,
    number,
  ];
  const searched = await runInThread({ kind: "search", target, seed, inputs, seconds });
  const tookSeconds = Math.round((performance.now() - startedMs) / 1000);
  console.log(`${target}  seed ${seed}  ${tookSeconds} s`);
  if (typeof searched === "string" || searched.kind !== "searched") return print([`FAILED: ${searched}`], 1);
  const { report } = searched;
  print(searchLines(report), 0);
  const measured = await runInThread({ kind: "measure", target, seed, shapes, slow: report.slow });
  if (typeof measured === "string" || measured.kind !== "measured")
    return print([`FAILED: ${measured}`], report.failures.length + 1);
  const what = hasParts(target) ? "lease" : "input";
  return print(measurementLines(measured.measurement, what), report.failures.length);
}

function hasParts(name: string): boolean {
  return TARGETS.find((target) => target.name === name)?.parts !== undefined;
}

function print(lines: readonly string[], failed: number): number {
  for (const line of lines) console.log(`  ${line}`);
  return failed;
}

/** @returns a sentence where the thread did not end by itself */
function runInThread(
  task: Omit<SearchTask, "shared"> | Omit<MeasureTask, "shared">,
): Promise<WorkerMessage | string> {
  const current = new CurrentInput();
  const worker = new Worker(new URL("./fuzz-worker.mjs", import.meta.url), {
    workerData: { ...task, shared: current.shared },
    resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
  });
  return new Promise((resolve) => {
    let inputs = 0;
    let result: WorkerMessage | null = null;
    let last = { number: current.number, sinceCpuMs: cpuMs() };
    const failed = (what: string) => {
      const path = new Corpus(task.target).addFailure(current.copy());
      resolve(`${what} after ${inputs} inputs; the input is ${path ?? "too large to be saved, or known"}`);
    };
    const watchdog = setInterval(() => {
      const nowMs = cpuMs();
      // Before the first input the thread loads the code.
      const isNext = current.number === 0 || current.number !== last.number;
      if (isNext) last = { number: current.number, sinceCpuMs: nowMs };
      if (nowMs - last.sinceCpuMs < STUCK_CPU_MS) return;
      failed(`an input took ${STUCK_CPU_MS / 1000} s of processor time`);
      void worker.terminate();
    }, CHECK_MS);
    worker.on("message", (message: WorkerMessage) => {
      if (message.kind === "progress") inputs = message.inputs;
      else result = message;
    });
    worker.on("error", (error) => failed(`the thread ended: ${error.stack ?? error.message}`));
    worker.on("exit", (code) => {
      clearInterval(watchdog);
      resolve(result ?? `the thread ended with code ${code}`);
    });
  });
}

/** Of this process, whose other thread only waits. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
