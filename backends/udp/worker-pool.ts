import type { Clock } from "../../src/runtime/clock.ts";
import { messageOf } from "../../src/runtime/error.ts";
import type { Log } from "../../src/runtime/log.ts";
import type { WorkerReport, WorkerTask } from "./worker-task.ts";

/** Deaths within this window count together. */
const DEATH_WINDOW_MS = 30_000;
/**
 * A worker that dies is replaced at once; from this many deaths on it is replaced after a delay, and the node is not
 * ready.
 */
const DEATHS_UNTIL_FAULT = 4;
const WAIT_MS = 1000;
const END_TIMEOUT_MS = 1000;

/** The part of a thread that the pool uses. */
export interface WorkerThread {
  readonly threadId: number;
  on(event: "message", listener: (report: WorkerReport) => void): unknown;
  on(event: "error", listener: (error: unknown) => void): unknown;
  on(event: "exit", listener: () => void): unknown;
  terminate(): Promise<number>;
}

/** Starts a thread that runs the script for the worker of this index. */
export type StartThread = (script: string, task: WorkerTask, index: number) => WorkerThread;

export interface WorkerPoolOptions {
  readonly script: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly onReport: (report: WorkerReport) => void;
  /** Reports why workers keep dying; null once they are stable. */
  readonly onFault: (reason: string | null) => void;
}

/** The worker threads of a session: each is replaced when it dies, until the pool ends. */
export class WorkerPool {
  readonly #options: WorkerPoolOptions;
  readonly #startThread: StartThread;
  readonly #workers = new Map<number, WorkerThread>();
  readonly #exits = new Map<number, Promise<void>>();
  readonly #steppedDown = new Set<string>();
  readonly #ended = new AbortController();
  #deaths = 0;
  #deathsMs: number[] = [];
  #hasFault = false;

  constructor(tasks: readonly WorkerTask[], options: WorkerPoolOptions, startThread: StartThread) {
    this.#options = options;
    this.#startThread = startThread;
    for (const [index, task] of tasks.entries()) this.#start(index, task);
  }

  /** Threads of the running workers, for tests that kill them. */
  get threadIds(): readonly number[] {
    return [...this.#workers.values()].map((worker) => worker.threadId);
  }

  /** Deaths since the pool was started. */
  get deaths(): number {
    return this.#deaths;
  }

  /** Offloads that a worker has switched off. */
  get steppedDown(): ReadonlySet<string> {
    return this.#steppedDown;
  }

  /** The caller has raised the stop descriptor; workers that do not end in time are terminated. */
  async end(): Promise<void> {
    this.#ended.abort();
    const timer = this.#options.clock.startTimer(END_TIMEOUT_MS, () => {
      for (const worker of this.#workers.values()) void worker.terminate();
    });
    await Promise.all(this.#exits.values());
    timer.cancel();
  }

  #start(index: number, task: WorkerTask): void {
    const { script, log, onReport } = this.#options;
    const worker = this.#startThread(script, task, index);
    this.#workers.set(index, worker);
    let cause = "it ended by itself";
    let isDeviceGone = false;
    worker.on("message", (report: WorkerReport) => {
      if (report.kind === "device-gone") isDeviceGone = true;
      if (report.kind === "stepped-down") this.#steppedDown.add(report.offload);
      onReport(report);
    });
    worker.on("error", (error) => {
      cause = messageOf(error);
    });
    const exited = new Promise<void>((resolve) => {
      worker.on("exit", () => {
        this.#workers.delete(index);
        resolve();
        // A worker without its device is not replaced: the session is reopened when the device is back.
        if (this.#ended.signal.aborted || isDeviceGone) return;
        log.error({ op: "udp-worker", worker: index, reason: cause }, "worker died, replacing it");
        this.#replace(index, task, cause);
      });
    });
    this.#exits.set(index, exited);
  }

  #replace(index: number, task: WorkerTask, cause: string): void {
    const { clock, onFault } = this.#options;
    const nowMs = clock.nowMs();
    this.#deaths += 1;
    this.#deathsMs = [...this.#deathsMs.filter((atMs) => nowMs - atMs < DEATH_WINDOW_MS), nowMs];
    if (this.#deathsMs.length < DEATHS_UNTIL_FAULT) {
      this.#start(index, task);
      return;
    }
    onFault(`UDP workers keep dying: ${cause}`);
    void this.#later(WAIT_MS, () => this.#start(index, task));
    if (!this.#hasFault) this.#clearFaultWhenStable();
    this.#hasFault = true;
  }

  /** Runs `act` after the delay unless the pool ends before. */
  async #later(ms: number, act: () => void): Promise<void> {
    const { signal } = this.#ended;
    try {
      await this.#options.clock.sleep(ms, signal);
    } catch (error) {
      if (signal.aborted) return;
      throw error;
    }
    act();
  }

  /** A single timer serves all deaths. */
  #clearFaultWhenStable(): void {
    const { clock, onFault } = this.#options;
    const stableMs = (this.#deathsMs.at(-1) ?? 0) + DEATH_WINDOW_MS + WAIT_MS;
    void this.#later(stableMs - clock.nowMs(), () => {
      this.#hasFault = clock.nowMs() - (this.#deathsMs.at(-1) ?? 0) < DEATH_WINDOW_MS;
      if (this.#hasFault) this.#clearFaultWhenStable();
      else onFault(null);
    });
  }
}
