import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Ip } from "../net/index.ts";
import type { ProbeResult } from "../probe/tally.ts";
import { TweedError } from "../runtime/error.ts";
import { inNamespace } from "./namespaces.ts";

/** Longer than any scenario; a stream that is not stopped ends then. */
const LONGEST_MS = 900_000;

/** Continuous pings, to measure losses while the network is disrupted. */
export class PingStream {
  readonly #stop: () => Promise<readonly ProbeResult[]>;

  private constructor(stop: () => Promise<readonly ProbeResult[]>) {
    this.#stop = stop;
  }

  /** Pings each target every `intervalMs` from the namespace; resolves once the first pings are sent. */
  static async start(
    namespace: string,
    targets: readonly Ip[],
    tweed: readonly string[],
    intervalMs: number,
  ): Promise<PingStream> {
    const flags = [`--count=${Math.ceil(LONGEST_MS / intervalMs)}`, `--interval-ms=${intervalMs}`, "--json"];
    const child = spawn("ip", inNamespace(namespace, [...tweed, "probe", ...flags, ...targets]), {
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    let errorOutput = "";
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk;
    });
    child.stderr.on("data", (chunk: Buffer) => {
      errorOutput += chunk;
    });
    const ended = once(child, "close");
    await once(child, "spawn");
    // Its first output means that the first pings are sent. If it fails, stop() reports the reason.
    await Promise.race([once(child.stderr, "data"), ended]);
    return new PingStream(async () => {
      child.kill("SIGTERM");
      await ended;
      if (output !== "") return JSON.parse(output) as readonly ProbeResult[];
      throw new TweedError({
        code: "program-failed",
        operation: `ping from ${namespace}`,
        reason: errorOutput.trim(),
      });
    });
  }

  /** Ends the stream. @returns the losses for each target */
  stop(): Promise<readonly ProbeResult[]> {
    return this.#stop();
  }
}
