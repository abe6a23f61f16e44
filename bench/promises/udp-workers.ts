/**
 * Worker threads of the backend `udp` by themselves: the time to replace a dead one, and to end an unresponsive one.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WorkerPool } from "../../backends/udp/worker-pool.ts";
import type { WorkerTask } from "../../backends/udp/worker-task.ts";
import { startWorkerThread } from "../../backends/udp/worker-thread.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { silentLog } from "../../src/runtime/log.ts";
import { type Bench, type PromiseGroup, roundsOf } from "./group.ts";
import { until } from "./wait.ts";

const REPLACED_BOUND_MS = 200;
const ENDED_BOUND_MS = 2000;

/** Counts its starts; the first worker lives until a message ends it, its successor until it is terminated. */
const WORKER = `
const { workerData } = require("node:worker_threads");
const { flags } = workerData;
const number = Atomics.add(flags, 0, 1);
Atomics.wait(flags, 1, 0);
if (number === 0) throw new Error("told to die");
Atomics.wait(flags, 2, 0);
`;
const [STARTED, DIE] = [0, 1];

export const udpWorkers: PromiseGroup = {
  name: "udp-workers",
  async measure(bench) {
    const directory = await mkdtemp(join(tmpdir(), "tw-promises-"));
    try {
      const script = join(directory, "worker.cjs");
      await writeFile(script, WORKER);
      for (let round = 0; round < roundsOf(bench, 5); round++) await measurePool(bench, script);
    } finally {
      await rm(directory, { recursive: true });
    }
  },
};

async function measurePool({ signal, note }: Bench, script: string): Promise<void> {
  const flags = new Int32Array(new SharedArrayBuffer(12));
  // The worker above uses no field of a task.
  const task = { flags } as unknown as WorkerTask;
  const ignore = () => {};
  const pool = new WorkerPool(
    [task],
    {
      script,
      clock: systemClock,
      log: silentLog,
      onReport: ignore,
      onFault: ignore,
    },
    startWorkerThread,
  );
  await until("the worker runs", () => Atomics.load(flags, STARTED) === 1, signal, 1);
  const killedMs = performance.now();
  Atomics.store(flags, DIE, 1);
  Atomics.notify(flags, DIE);
  await until("its successor runs", () => Atomics.load(flags, STARTED) === 2, signal, 1);
  const replaced = { topic: "a dead worker of udp replaced", detail: "", boundMs: REPLACED_BOUND_MS };
  note(replaced, performance.now() - killedMs);
  const endMs = performance.now();
  await pool.end();
  const ended = { topic: "a worker of udp ended that does not listen", detail: "", boundMs: ENDED_BOUND_MS };
  note(ended, performance.now() - endMs);
}
