import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { inNamespace } from "../../src/lab/namespaces.ts";
import type { Namespace } from "./netns.ts";

/**
 * A program in a namespace that answers each line of its input with one line: cheaper than one process for each
 * request.
 */
export class AnsweringProcess {
  readonly #command: string;
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterator<string>;

  constructor(namespace: Namespace, ...command: readonly string[]) {
    this.#command = command.join(" ");
    this.#child = spawn("ip", inNamespace(namespace.name, command), { stdio: ["pipe", "pipe", "inherit"] });
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** The next unsolicited line of its output. */
  async line(): Promise<string> {
    const { done, value } = await this.#lines.next();
    if (done) throw new Error(`${this.#command} has ended`);
    return value;
  }

  /** One request at a time. */
  ask(question: string): Promise<string> {
    this.#child.stdin.write(`${question}\n`);
    return this.line();
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill("SIGKILL");
    await once(this.#child, "exit");
  }
}
