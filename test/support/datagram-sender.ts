import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { inNamespace } from "../../src/lab/namespaces.ts";
import type { Namespace } from "./netns.ts";

const SENDER = fileURLToPath(new URL("datagram-sender.mjs", import.meta.url));

export interface DatagramOrder {
  readonly from: string;
  readonly to: string;
  readonly port: number;
  /** The payload. */
  readonly hex: string;
  readonly count: number;
}

/** One process in a namespace that sends what it is told to, for all tests of a suite. */
export class DatagramSender {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #answers: AsyncIterator<string>;

  constructor(namespace: Namespace) {
    const command = inNamespace(namespace.name, [process.execPath, SENDER]);
    this.#child = spawn("ip", command, { stdio: ["pipe", "pipe", "inherit"] });
    this.#answers = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** Resolves when they are sent. */
  async send(...orders: readonly DatagramOrder[]): Promise<void> {
    this.#child.stdin.write(`${JSON.stringify(orders)}\n`);
    const { done } = await this.#answers.next();
    if (done) throw new Error("the sender has ended");
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.stdin.end();
    await once(this.#child, "exit");
  }
}
