import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WorkerPool, type WorkerPoolOptions } from "../../../backends/udp/worker-pool.ts";
import type { WorkerReport, WorkerTask } from "../../../backends/udp/worker-task.ts";
import { startWorkerThread } from "../../../backends/udp/worker-thread.ts";
import { eventually } from "../../support/eventually.ts";
import { RecordingLog } from "../../support/recording-log.ts";
import { SteeredClock } from "../../support/steered-clock.ts";

/** Lives until `flags[0]` is 1; then dies, and its successors live for as long as flags[1] tells. */
const MORTAL = `
const { parentPort, workerData } = require("node:worker_threads");
const flags = workerData.flags;
const number = Atomics.add(flags, 2, 1);
if (workerData.report) parentPort.postMessage(workerData.report);
Atomics.wait(flags, 0, 0);
if (Atomics.load(flags, 0) === 2) process.exit(0);
if (number < Atomics.load(flags, 1)) throw new Error("death " + number);
Atomics.wait(flags, 3, 0);
`;

let directory: string;
let pool: WorkerPool | null = null;
let flags: Int32Array;
const reports: WorkerReport[] = [];
const faults: (string | null)[] = [];
let log = new RecordingLog();
let clock = new SteeredClock();

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "tw-pool-"));
  await writeFile(join(directory, "worker.cjs"), MORTAL);
  flags = new Int32Array(new SharedArrayBuffer(16));
  reports.length = 0;
  faults.length = 0;
  log = new RecordingLog();
  clock = new SteeredClock();
});
afterEach(async () => {
  await end();
  await rm(directory, { recursive: true });
});

/** Of one worker; its data stands for a task. */
function start(data: { readonly report?: WorkerReport } = {}): WorkerPool {
  const options: WorkerPoolOptions = {
    script: join(directory, "worker.cjs"),
    clock,
    log,
    onReport: (report) => reports.push(report),
    onFault: (reason) => faults.push(reason),
  };
  pool = new WorkerPool([{ flags, ...data } as unknown as WorkerTask], options, startWorkerThread);
  return pool;
}

async function end(): Promise<void> {
  Atomics.store(flags, 0, 2);
  Atomics.store(flags, 3, 1);
  for (const index of [0, 3]) Atomics.notify(flags, index);
  await pool?.end();
  pool = null;
}

/** The first `deaths` workers die at once. */
function kill(deaths: number): void {
  Atomics.store(flags, 1, deaths);
  Atomics.store(flags, 0, 1);
  Atomics.notify(flags, 0);
}
const started = () => Atomics.load(flags, 2);

describe("a pool", () => {
  it("replaces a worker that dies, and says so", async () => {
    const present = start();
    await eventually(started).toBe(1);
    const [first] = present.threadIds;
    kill(1);
    await eventually(started).toBe(2);
    expect(present.threadIds).toEqual([expect.any(Number)]);
    expect(present.threadIds).not.toEqual([first]);
    expect(present.deaths).toBe(1);
    expect(faults).toEqual([]);
    expect(log.lines.map(({ fields }) => fields)).toEqual([
      { op: "udp-worker", worker: 0, reason: "death 0" },
    ]);
  });

  it("complains when workers keep dying, and starts them slower", async () => {
    const present = start();
    await eventually(started).toBe(1);
    kill(100);
    await eventually(() => faults).toEqual(["UDP workers keep dying: death 3"]);
    expect(present.deaths).toBe(4);
    expect(present.threadIds).toEqual([]);
    clock.advance(999);
    expect(present.threadIds).toEqual([]);
    clock.advance(1);
    await eventually(() => faults).toHaveLength(2);
    expect(present.deaths).toBe(5);
  });

  it("complains no longer when none has died for half a minute", async () => {
    const present = start();
    await eventually(started).toBe(1);
    kill(4);
    await eventually(() => faults).toHaveLength(1);
    clock.advance(1000);
    await eventually(started).toBe(5);
    clock.advance(30_000);
    await eventually(() => faults).toEqual([expect.any(String), null]);
    expect(present.threadIds).toHaveLength(1);
  });

  it("keeps a worker that found its device gone ended: its session is opened anew", async () => {
    const present = start({ report: { kind: "device-gone", code: "EBADFD" } });
    await eventually(() => reports).toHaveLength(1);
    kill(1);
    await eventually(() => present.threadIds).toEqual([]);
    expect(present.deaths).toBe(0);
    expect(started()).toBe(1);
  });

  it("remembers which offloads were switched off", async () => {
    const present = start({ report: { kind: "stepped-down", offload: "joinUdp", code: "EINVAL" } });
    await eventually(() => reports).toHaveLength(1);
    expect([...present.steppedDown]).toEqual(["joinUdp"]);
  });

  it("ends with its workers, and replaces none of them", async () => {
    const present = start();
    await eventually(started).toBe(1);
    await end();
    expect(present.threadIds).toEqual([]);
    expect(present.deaths).toBe(0);
    expect(started()).toBe(1);
  });

  it("ends a worker that does not listen", async () => {
    const present = start();
    await eventually(started).toBe(1);
    const ended = present.end();
    clock.advance(1000);
    await ended;
    expect(present.threadIds).toEqual([]);
    pool = null;
  });
});
