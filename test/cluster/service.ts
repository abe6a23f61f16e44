/** A program that a machine runs until it is stopped, with its output in a file. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { open, readFile } from "node:fs/promises";
import { TweedError } from "../../src/runtime/error.ts";
import { waitUntil } from "../smoke/wait-until.ts";
import type { Machine } from "./machine.ts";
import { childrenOf, signalProcess } from "./process-tree.ts";

export interface ServiceSettings {
  readonly name: string;
  readonly command: readonly string[];
  readonly logFile: string;
}

const LAST_LINES = 8;

export class Service {
  readonly name: string;
  readonly logFile: string;
  /** The nsenter that waits for it. */
  readonly #entry: ChildProcess;

  private constructor(entry: ChildProcess, { name, logFile }: ServiceSettings) {
    this.#entry = entry;
    this.name = name;
    this.logFile = logFile;
  }

  static async start(machine: Machine, settings: ServiceSettings): Promise<Service> {
    const log = await open(settings.logFile, "a");
    try {
      const [program = "", ...args] = machine.enter(settings.command);
      const entry = spawn(program, args, {
        detached: true,
        stdio: ["ignore", log.fd, log.fd],
        env: machine.environment,
      });
      await once(entry, "spawn");
      return new Service(entry, settings);
    } finally {
      await log.close();
    }
  }

  get hasEnded(): boolean {
    return this.#entry.exitCode !== null || this.#entry.signalCode !== null;
  }

  /** @throws TweedError `service-ended` with the last lines of its log, once it has ended */
  async untilReady(signal: AbortSignal, findMissing: () => Promise<string | null>): Promise<void> {
    await waitUntil(`start ${this.name}`, signal, async () => {
      const missing = await findMissing();
      if (missing !== null && this.hasEnded) throw await this.#failure();
      return missing;
    });
  }

  /** Signals it and waits until it has ended. */
  async stop(signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> {
    if (this.hasEnded) return;
    const ended = once(this.#entry, "exit");
    const [pid] = await childrenOf(this.#entry.pid ?? 0);
    if (pid === undefined) this.#entry.kill("SIGKILL");
    else signalProcess(pid, signal);
    await ended;
  }

  async #failure(): Promise<TweedError> {
    const tail = (await readFile(this.logFile, "utf8")).trimEnd().split("\n").slice(-LAST_LINES).join("\n");
    return new TweedError({
      code: "service-ended",
      operation: `start ${this.name}`,
      reason: `it ended; the last lines of its log:\n${tail}`,
    });
  }
}
