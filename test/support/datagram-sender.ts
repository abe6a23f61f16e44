import { fileURLToPath } from "node:url";
import { AnsweringProcess } from "./answering-process.ts";
import type { Namespace } from "./netns.ts";

const SENDER = fileURLToPath(new URL("datagram-sender.mjs", import.meta.url));

export interface Datagrams {
  readonly from: string;
  readonly to: string;
  readonly port: number;
  /** The payload. */
  readonly hex: string;
  readonly count: number;
}

/** One process in a namespace that sends for all tests of a suite. */
export class DatagramSender {
  readonly #process: AnsweringProcess;

  constructor(namespace: Namespace) {
    this.#process = new AnsweringProcess(namespace, process.execPath, SENDER);
  }

  /** Resolves when they are sent. */
  async send(datagrams: Datagrams): Promise<void> {
    await this.#process.ask(JSON.stringify([datagrams]));
  }

  async stop(): Promise<void> {
    await this.#process.kill();
  }
}
