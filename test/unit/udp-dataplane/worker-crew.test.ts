import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type CrewOptions, WorkerCrew } from "../../../backends/udp/worker-crew.ts";
import type { WorkerReport, WorkerTask } from "../../../backends/udp/worker-task.ts";
import { systemClock } from "../../../src/runtime/clock.ts";
import { RecordingLog } from "../../support/recording-log.ts";

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
let crew: WorkerCrew | null = null;
let flags: Int32Array;
const reports: WorkerReport[] = [];
const troubles: (string | null)[] = [];
let log = new RecordingLog();

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "tw-crew-"));
  await writeFile(join(directory, "worker.cjs"), MORTAL);
  flags = new Int32Array(new SharedArrayBuffer(16));
  reports.length = 0;
  troubles.length = 0;
  log = new RecordingLog();
});
afterEach(async () => {
  await end();
  await rm(directory, { recursive: true });
});

/** Of one worker; its data stands for a task. */
function start(data: { readonly report?: WorkerReport } = {}): WorkerCrew {
  const options: CrewOptions = {
    script: join(directory, "worker.cjs"),
    clock: systemClock,
    log,
    onReport: (report) => reports.push(report),
    onTrouble: (reason) => troubles.push(reason),
  };
  crew = new WorkerCrew([{ flags, ...data } as unknown as WorkerTask], options);
  return crew;
}

async function end(): Promise<void> {
  Atomics.store(flags, 0, 2);
  Atomics.store(flags, 3, 1);
  for (const index of [0, 3]) Atomics.notify(flags, index);
  await crew?.end();
  crew = null;
}

/** The first `deaths` workers die at once. */
function kill(deaths: number): void {
  Atomics.store(flags, 1, deaths);
  Atomics.store(flags, 0, 1);
  Atomics.notify(flags, 0);
}
const started = () => Atomics.load(flags, 2);

describe("a crew", () => {
  it("replaces a worker that dies, within 200 ms, and says so", async () => {
    const present = start();
    await vi.waitUntil(() => started() === 1, 5000);
    const [first] = present.threadIds;
    const startMs = performance.now();
    kill(1);
    await vi.waitUntil(() => started() === 2, { timeout: 5000, interval: 1 });
    expect(performance.now() - startMs).toBeLessThan(200);
    expect(present.threadIds).toEqual([expect.any(Number)]);
    expect(present.threadIds).not.toEqual([first]);
    expect(present.deaths).toBe(1);
    expect(troubles).toEqual([]);
    expect(log.lines.map(({ fields }) => fields)).toEqual([
      { op: "udp-worker", worker: 0, reason: "death 0" },
    ]);
  });

  it("complains when workers keep dying, and starts them slower", async () => {
    const present = start();
    await vi.waitUntil(() => started() === 1, 5000);
    kill(100);
    await vi.waitUntil(() => troubles.length > 0, 5000);
    expect(troubles).toEqual(["UDP workers keep dying: death 3"]);
    expect(present.deaths).toBe(4);
    const soon = started();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(started()).toBe(soon);
  });

  it("keeps a worker that found its device gone ended: its session is opened anew", async () => {
    const present = start({ report: { kind: "device-gone", code: "EBADFD" } });
    await vi.waitUntil(() => reports.length === 1, 5000);
    kill(1);
    await vi.waitUntil(() => present.threadIds.length === 0, 5000);
    expect(present.deaths).toBe(0);
    expect(started()).toBe(1);
  });

  it("remembers which offloads were switched off", async () => {
    const present = start({ report: { kind: "stepped-down", offload: "joinUdp", code: "EINVAL" } });
    await vi.waitUntil(() => reports.length === 1, 5000);
    expect([...present.steppedDown]).toEqual(["joinUdp"]);
  });

  it("ends with its workers, and replaces none of them", async () => {
    const present = start();
    await vi.waitUntil(() => started() === 1, 5000);
    await end();
    expect(present.threadIds).toEqual([]);
    expect(present.deaths).toBe(0);
    expect(started()).toBe(1);
  });

  it("ends a worker that does not listen", async () => {
    const present = start();
    await vi.waitUntil(() => started() === 1, 5000);
    const startMs = performance.now();
    await present.end();
    expect(performance.now() - startMs).toBeLessThan(2000);
    crew = null;
  });
});
