import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";

const STARTS_WITHIN_MS = 300;

/** Watches the neighbour table of a network namespace from outside the daemon, through iproute2. */
export class NeighbourMonitor {
  readonly #child: ChildProcessByStdio<null, Readable, null>;
  #output = "";
  #onOutput = () => {};

  private constructor(namespace: string) {
    this.#child = spawn("ip", ["-n", namespace, "monitor", "neigh"], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.#child.stdout.setEncoding("utf8").on("data", (text: string) => {
      this.#output += text;
      this.#onOutput();
    });
  }

  static async start(namespace: string): Promise<NeighbourMonitor> {
    const monitor = new NeighbourMonitor(namespace);
    // The program does not report when it has subscribed.
    await sleep(STARTS_WITHIN_MS);
    return monitor;
  }

  /** Resolves when an entry with this text has been put; it discards earlier events. */
  async put(text: string, timeoutMs: number): Promise<void> {
    this.#output = "";
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`the kernel has no ${text} after ${timeoutMs} ms`)),
        timeoutMs,
      );
      this.#onOutput = () => {
        if (!this.#output.includes(text)) return;
        clearTimeout(timer);
        resolve();
      };
    });
  }

  stop(): void {
    this.#child.kill();
  }
}
