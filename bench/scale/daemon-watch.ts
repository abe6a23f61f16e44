/** The measured daemon, seen from outside: memory, CPU time, and the record of its event loop (loop-delay.mjs). */
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { readCpuMs, readMemory } from "../figures/process-usage.ts";

export interface LoopReading {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly samples: number;
  /** Programs that the daemon started. */
  readonly programs: number;
}

const SAMPLE_EVERY_MS = 100;
const RESET_WITHIN_MS = 60_000;
const LOOK_EVERY_MS = 20;

export class DaemonWatch {
  readonly #loopFile: string;
  readonly #sampling: NodeJS.Timeout;
  #pid: number | null = null;
  #maxRssMb = 0;
  #cpuMs = 0;
  /** Of processes before the present one. */
  #formerCpuMs = 0;

  /** @param loopFile the file that TWEED_LOOP_DELAY names */
  constructor(loopFile: string) {
    this.#loopFile = loopFile;
    this.#sampling = setInterval(() => void this.#sample(), SAMPLE_EVERY_MS);
  }

  /** The daemon was started, or started again. */
  follow(pid: number): void {
    this.#formerCpuMs += this.#cpuMs;
    this.#cpuMs = 0;
    this.#pid = pid;
  }

  get pid(): number {
    if (this.#pid === null) throw new Error("no daemon was started");
    return this.#pid;
  }

  /** A new period begins. Waits until the daemon's record has begun anew. */
  async reset(): Promise<void> {
    if (this.#pid !== null) {
      await writeFile(`${this.#loopFile}.reset`, "");
      for (let waitedMs = 0; existsSync(`${this.#loopFile}.reset`); waitedMs += LOOK_EVERY_MS) {
        if (waitedMs > RESET_WITHIN_MS) throw new Error("the daemon's event loop does not turn");
        await sleep(LOOK_EVERY_MS);
      }
    }
    await this.#sample();
    this.#formerCpuMs = -this.#cpuMs;
    this.#maxRssMb = 0;
    await this.#sample();
  }

  /** Of the period so far. */
  async read(): Promise<{ readonly maxRssMb: number; readonly cpuMs: number; readonly loop: LoopReading }> {
    await this.#sample();
    const loop = JSON.parse(await readFile(this.#loopFile, "utf8")) as LoopReading;
    return { maxRssMb: this.#maxRssMb, cpuMs: this.#formerCpuMs + this.#cpuMs, loop };
  }

  /** The resident memory now. */
  async rssMb(): Promise<number> {
    return (await readMemory(this.pid)).rssMb;
  }

  stop(): void {
    clearInterval(this.#sampling);
  }

  /** A process that has just ended, or not yet started its program, has no figures. */
  async #sample(): Promise<void> {
    const pid = this.#pid;
    if (pid === null) return;
    try {
      const [{ rssMb }, cpuMs] = await Promise.all([readMemory(pid), readCpuMs(pid)]);
      if (pid !== this.#pid) return;
      this.#maxRssMb = Math.max(this.#maxRssMb, rssMb);
      this.#cpuMs = Math.max(this.#cpuMs, cpuMs);
    } catch {
      // The next sample follows.
    }
  }
}
