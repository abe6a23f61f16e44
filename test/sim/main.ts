/**
 * The simulator: `npm run sim -- --histories N --seed S`. Prints each failure with its seed and index, shrunk, and at the
 * end what was done. `--replay SEED:INDEX`, or the file of a stored history, runs one, with all that it logs.
 */
import { fork } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { describeHistory, describeViolation, traceLines } from "./failure-text.ts";
import { BUILT_STORES, drawHistory, type History, type HistoryOptions, runHistory } from "./history.ts";
import { add, noTotals, runRange, type Totals } from "./run-range.ts";
import { shrink } from "./shrink.ts";
import type { StoreKind } from "./store.ts";

const { values } = parseArgs({
  options: {
    histories: { type: "string", default: "100" },
    seed: { type: "string", default: "1" },
    from: { type: "string", default: "0" },
    stride: { type: "string", default: "1" },
    steps: { type: "string", default: "200" },
    nodes: { type: "string" },
    store: { type: "string", default: "mixed" },
    subnets: { type: "string" },
    focus: { type: "string" },
    workers: { type: "string", default: "1" },
    "most-failures": { type: "string", default: "5" },
    "no-shrink": { type: "boolean", default: false },
    replay: { type: "string" },
    save: { type: "string" },
  },
});
const seed = Number(values.seed);
const options: HistoryOptions = {
  steps: Number(values.steps),
  nodes: values.nodes === undefined ? null : Number(values.nodes),
  store: storeOf(values.store),
  ...(values.subnets === undefined ? {} : { subnets: Number(values.subnets) }),
  ...(values.focus === undefined ? {} : { focus: values.focus.split(",") as HistoryOptions["focus"] & {} }),
};

function storeOf(name: string): StoreKind | "mixed" {
  const known = [...BUILT_STORES, "mixed" as const].find((each) => each === name);
  if (known === undefined) throw new Error(`--store is ${BUILT_STORES.join(", ")} or mixed`);
  return known;
}

/** By seed and index, with the options given beside, or from a file that `--save` wrote. */
function historyToReplay(text: string): History {
  const drawn = /^(\d+):(\d+)$/.exec(text);
  if (drawn === null) return JSON.parse(readFileSync(text, "utf8")) as History;
  return drawHistory(Number(drawn[1]), Number(drawn[2]), options);
}

async function replay(text: string): Promise<number> {
  const history = historyToReplay(text);
  const result = await runHistory(history);
  for (const line of traceLines(result)) console.log(line);
  console.log(result.trace.state);
  console.log(describeHistory(history));
  console.log(describeViolation(result));
  return result.violation === null ? 0 : 1;
}

async function run(): Promise<Totals> {
  // Of an error in a simulated daemon the text is enough; stacks cost a tenth of the time.
  Error.stackTraceLimit = 0;
  const range = {
    seed,
    from: Number(values.from),
    count: Number(values.histories),
    stride: Number(values.stride),
  };
  let failures = 0;
  return runRange(range, options, async ({ index, history, result }) => {
    failures += 1;
    console.log(`\nFAILED ${seed}:${index} ${describeViolation(result)}`);
    if (!values["no-shrink"]) {
      const shrunk = await shrink(history, result);
      console.log(`shrunk in ${shrunk.runs} runs: ${describeViolation(shrunk.result)}`);
      console.log(describeHistory(shrunk.history));
      if (values.save !== undefined)
        writeFileSync(`${values.save}/${seed}-${index}.json`, `${JSON.stringify(shrunk.history)}\n`);
    }
    return failures < Number(values["most-failures"]);
  });
}

/** Each in a process of its own; of the range they take turns. */
async function runWorkers(workers: number): Promise<Totals> {
  const totals = noTotals();
  const script = fileURLToPath(import.meta.url);
  const words = process.argv.slice(2).filter((word, place, all) => {
    return word !== "--workers" && all[place - 1] !== "--workers" && !word.startsWith("--workers=");
  });
  const work = Array.from({ length: workers }, async (_, index) => {
    const from = Number(values.from) + index;
    const count = Number(values.histories) - index;
    const own = [`--from=${from}`, `--histories=${count}`, `--stride=${workers}`];
    const child = fork(script, [...words, ...own]);
    child.on("message", (message) => add(totals, message as Totals));
    const code = await new Promise((resolve) => child.on("exit", resolve));
    if (code !== 0 && code !== 1) throw new Error(`a worker ended with ${code}`);
  });
  await Promise.all(work);
  return totals;
}

if (values.replay !== undefined) {
  process.exitCode = await replay(values.replay);
} else {
  const startedMs = performance.now();
  const workers = Number(values.workers);
  const totals = workers > 1 ? await runWorkers(workers) : await run();
  const wallMs = performance.now() - startedMs;
  const cpuMs = process.cpuUsage().user / 1000;
  if (process.send === undefined) {
    const { histories, steps, checks, simulatedMs, failures } = totals;
    const rate = (histories / wallMs) * 1000;
    console.log(`${histories} histories, ${steps} steps, ${checks} invariants checked, ${failures} failures`);
    console.log(
      `${(simulatedMs / 3_600_000).toFixed(1)} simulated hours in ${(wallMs / 1000).toFixed(1)} s: ` +
        `${Math.round(simulatedMs / wallMs)} times real time, ${rate.toFixed(2)} histories per second` +
        (workers > 1 ? "" : `, ${(cpuMs / histories).toFixed(0)} ms of CPU each`),
    );
  } else {
    process.send(totals);
    process.disconnect();
  }
  process.exitCode = totals.failures > 0 ? 1 : 0;
}
