/**
 * A process that outlives the benchmark, by about a second. Several processes in sequence build the labs, and each can
 * be killed at any moment, so the clean-up needs a process of its own. The guard waits for the benchmark's end of a
 * pipe to close, as at any death of the benchmark, and then removes the labs.
 *
 * It also holds the lock: two concurrent runs would distort each other's figures.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Lab } from "../src/lab/lab.ts";
import { TweedError } from "../src/runtime/error.ts";

/** Maximum number of labs of one run. */
export const MAX_LABS = 12;

export function labName(index: number): string {
  return `bench${index}`;
}

/** An abstract socket: the kernel releases it with the process that holds it. */
const LOCK = "\0tweed-bench";
/** Longer than a guard takes to sweep after its benchmark was killed. */
const LOCK_TIMEOUT_MS = 15_000;
const SWEPT = "swept";

/** Time that a program started just before the benchmark was killed needs to create its objects. */
const STRAGGLERS_MS = 150;

/** The guard's side: takes the lock, removes the leftovers of an earlier run, waits, removes them again. */
export async function standGuard(input: NodeJS.ReadableStream, say: (line: string) => void): Promise<void> {
  await takeLock();
  await sweep();
  say(SWEPT);
  input.resume();
  await once(input, "close");
  await sweep();
  await sleep(STRAGGLERS_MS);
  await sweep();
}

async function takeLock(): Promise<void> {
  for (let waitedMs = 0; ; waitedMs += 100) {
    const server = createServer();
    try {
      server.listen({ path: LOCK });
      await once(server, "listening");
      return;
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== "EADDRINUSE") throw cause;
      if (waitedMs >= LOCK_TIMEOUT_MS) {
        throw new TweedError({
          code: "bench-running",
          operation: "start the benchmark",
          reason: "another one is running on this machine; wait for it or stop it",
          cause,
        });
      }
    }
    await sleep(100);
  }
}

async function sweep(): Promise<void> {
  await Promise.all(Array.from({ length: MAX_LABS }, (_, index) => Lab.down(labName(index))));
}

/** The benchmark's side. */
export class Guard {
  readonly #child: ChildProcess;

  /** Starts the guard. Resolves once the leftovers of an earlier run are removed. @throws TweedError `no-guard` */
  static async start(tweed: readonly string[]): Promise<Guard> {
    const [program = "", ...args] = tweed;
    // Detached, so that Ctrl-C in a terminal reaches only the benchmark.
    const child = spawn(program, [...args, "bench", "guard"], {
      detached: true,
      stdio: ["pipe", "pipe", "pipe"],
    });
    let said = "";
    const swept = new Promise<boolean>((resolve, reject) => {
      child.stdout.on("data", (chunk: Buffer) => {
        said += chunk;
        if (said.includes(SWEPT)) resolve(true);
      });
      child.stderr.on("data", (chunk: Buffer) => {
        said += chunk;
      });
      child.once("error", reject);
      child.once("close", () => resolve(false));
    });
    if (await swept) return new Guard(child);
    throw new TweedError({ code: "no-guard", operation: "start the benchmark's guard", reason: said.trim() });
  }

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** Removes the labs and ends the guard. */
  async dismiss(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const ended = once(this.#child, "close");
    this.#child.stdin?.end();
    await ended;
  }
}
