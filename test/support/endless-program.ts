import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { inNamespace } from "../../src/lab/namespaces.ts";
import type { Namespace } from "./netns.ts";

/** A program in a namespace that runs until the test stops it: traffic, or the holder of a lock. */
export class EndlessProgram {
  readonly #command: string;
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  #complaints = "";

  constructor(namespace: Namespace, ...command: readonly string[]) {
    this.#command = command.join(" ");
    const child = spawn("ip", inNamespace(namespace.name, command), { stdio: ["ignore", "ignore", "pipe"] });
    child.stderr.on("data", (bytes: Buffer) => {
      this.#complaints += bytes;
    });
    this.#child = child;
    this.#exited = once(child, "close");
  }

  /** @throws Error when it has ended by itself */
  async stop(): Promise<void> {
    const { exitCode, signalCode } = this.#child;
    if (exitCode !== null || signalCode !== null) {
      throw new Error(`${this.#command} has ended with ${exitCode ?? signalCode}: ${this.#complaints}`);
    }
    this.#child.kill("SIGINT");
    await this.#exited;
  }
}
