import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import type { JsonValue } from "../../src/runtime/json.ts";

/** Orders that the API server reads on its standard input. */
export type KubeOrder =
  | { readonly order: "change"; readonly index: number; readonly generation: number }
  | {
      readonly order: "put";
      readonly index: number;
      readonly podCidr: string;
      readonly annotations: Readonly<Record<string, string>>;
    }
  | { readonly order: "remove"; readonly index: number }
  | { readonly order: "count-heartbeats" | "count-lists" | "stop-serving" | "serve-again" };

/** Built in a source tree with its tests: the stand-in for the API server is theirs. */
const SERVER = "dist/bench-kube-api.mjs";

/** The benchmark's API server as its other processes see it. */
export class KubeCluster {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #answers: AsyncIterator<string>;

  private constructor(child: ChildProcessByStdio<Writable, Readable, null>, answers: AsyncIterator<string>) {
    this.#child = child;
    this.#answers = answers;
  }

  /** @param directory for the kubeconfig */
  static async start(directory: string, peers: number): Promise<KubeCluster> {
    await mkdir(directory, { recursive: true });
    const child = spawn(process.execPath, [resolve(SERVER), directory, String(peers)], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    const answers = createInterface(child.stdout)[Symbol.asyncIterator]();
    await read(answers);
    return new KubeCluster(child, answers);
  }

  /** Changes the MAC address in the annotations of one peer. */
  change(index: number, generation: number): void {
    this.#order({ order: "change", index, generation });
  }

  async countHeartbeats(): Promise<number> {
    return Number(await this.#ask({ order: "count-heartbeats" }));
  }

  /** Creates the Node of a peer, or replaces its annotations. Resolves when watches have it. */
  async put(index: number, podCidr: string, annotations: Readonly<Record<string, string>>): Promise<void> {
    await this.#ask({ order: "put", index, podCidr, annotations });
  }

  async remove(index: number): Promise<void> {
    await this.#ask({ order: "remove", index });
  }

  async countLists(): Promise<number> {
    return Number(await this.#ask({ order: "count-lists" }));
  }

  /** Breaks every connection and refuses new ones; kubelets pause too. */
  async stopServing(): Promise<void> {
    await this.#ask({ order: "stop-serving" });
  }

  /** Without the history before. */
  async serveAgain(): Promise<void> {
    await this.#ask({ order: "serve-again" });
  }

  async stop(): Promise<void> {
    const exited = once(this.#child, "exit");
    this.#child.stdin.end();
    await exited;
  }

  /** Answers arrive in the order of the orders. */
  #ask(order: KubeOrder): Promise<JsonValue> {
    this.#order(order);
    return read(this.#answers);
  }

  #order(order: KubeOrder): void {
    this.#child.stdin.write(`${JSON.stringify(order)}\n`);
  }
}

async function read(answers: AsyncIterator<string>): Promise<JsonValue> {
  const { value, done } = await answers.next();
  if (done) throw new Error("the API server of the benchmark has ended");
  return JSON.parse(value) as JsonValue;
}
