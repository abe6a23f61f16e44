/** HTTP requests from within a network namespace, by requester.mjs. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { run } from "../../../src/runtime/program.ts";

const PROGRAM = resolve("test/cluster/checks/requester.mjs");
const TIMEOUT_MS = 120_000;

export interface Answer {
  readonly url: string;
  /** 0 without an answer; the body is then the reason. */
  readonly status: number;
  readonly body: string;
}

/** The sender of requests: a pod or a node. */
export interface Sender {
  readonly name: string;
  /** Program and arguments that run a command of this machine in its network. */
  enterNetwork(command: readonly string[]): string[];
}

/** One request of each URL, all at once. */
export async function ask(from: Sender, urls: readonly string[]): Promise<readonly Answer[]> {
  const [program = "", ...args] = from.enterNetwork([process.execPath, PROGRAM, "once", ...urls]);
  return JSON.parse(await run(program, args, { timeoutMs: TIMEOUT_MS })) as Answer[];
}

export interface RequestTally {
  readonly url: string;
  readonly sent: number;
  readonly failed: number;
  /** Reasons of the first few failures, with the time. */
  readonly reasons: readonly string[];
}

/** Requests at a fixed rate until they are stopped. */
export class SteadyRequests {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  private constructor(child: ChildProcess, lines: AsyncIterator<string>) {
    this.#child = child;
    this.#lines = lines;
  }

  static async start(from: Sender, urls: readonly string[], intervalMs: number): Promise<SteadyRequests> {
    const words = [process.execPath, PROGRAM, "steady", String(intervalMs), ...urls];
    const [program = "", ...args] = from.enterNetwork(words);
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    if ((await lines.next()).done === true) throw new Error(`the requests of ${from.name} do not start`);
    return new SteadyRequests(child, lines);
  }

  async stop(): Promise<readonly RequestTally[]> {
    this.#child.kill("SIGTERM");
    const { value, done } = await this.#lines.next();
    if (this.#child.exitCode === null) await once(this.#child, "exit");
    if (done === true) throw new Error("the requests ended without a count");
    return JSON.parse(value) as RequestTally[];
  }
}
