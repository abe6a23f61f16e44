/** A program in a namespace that a test starts, reads and ends: for daemons outside a lab. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { inNamespace } from "../../src/lab/namespaces.ts";
import { DEADLINE_MS } from "./deadline.ts";

export class DaemonProcess {
  readonly #child: ChildProcess;
  readonly #ended: Promise<number | null>;
  #output = "";

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#ended = once(child, "close").then(([exitCode]) => exitCode as number | null);
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on("data", (chunk: Buffer) => {
        this.#output += chunk.toString();
      });
    }
  }

  static start(
    namespace: string,
    command: readonly string[],
    environment: Readonly<Record<string, string>> = {},
    /** A descriptor that replaces standard error; `output` then lacks that stream. */
    stderr: number | "pipe" = "pipe",
  ): DaemonProcess {
    // `ip netns exec` becomes the program: signals reach it.
    const child = spawn("ip", inNamespace(namespace, command), {
      stdio: ["ignore", "pipe", stderr],
      env: { ...process.env, ...environment },
    });
    return new DaemonProcess(child);
  }

  /** Everything it has printed, on either stream. */
  get output(): string {
    return this.#output;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** The exit code; null when a signal ended it. */
  ended(): Promise<number | null> {
    return this.#ended;
  }

  /** Sends SIGTERM, and returns its exit code. */
  async stop(): Promise<number | null> {
    this.#child.kill("SIGCONT");
    this.#child.kill("SIGTERM");
    const insist = setTimeout(() => this.#child.kill("SIGKILL"), DEADLINE_MS);
    try {
      return await this.#ended;
    } finally {
      clearTimeout(insist);
    }
  }
}
