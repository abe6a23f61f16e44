import { setMaxListeners } from "node:events";
import { MeshSockets } from "../../src/lab/mesh-sockets.ts";
import { familyOf, type Ip } from "../../src/net/index.ts";
import { probe } from "../../src/probe/prober.ts";
import type { ProbeResult } from "../../src/probe/tally.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { systemRandom } from "../../src/runtime/random.ts";

const PAYLOAD_BYTES = 56;
/** A busy machine answers late, which is no loss. */
const LAST_REPLY_MS = 10_000;

export interface PingSource {
  readonly namespace: string;
  readonly targets: readonly Ip[];
}

/** Pings at a fixed rate from several namespaces, by sockets of this process, until they are stopped. */
export class SteadyPings {
  readonly #stop: () => Promise<ProbeResult[][]>;

  private constructor(stop: () => Promise<ProbeResult[][]>) {
    this.#stop = stop;
  }

  /** Resolves when the first ping to each target is out. `lastReplyMs`: how long to wait for the last replies. */
  static async start(
    sources: readonly PingSource[],
    intervalMs: number,
    lastReplyMs = LAST_REPLY_MS,
  ): Promise<SteadyPings> {
    const namespaces = sources.map(({ namespace }) => namespace);
    const families = new Set(sources.flatMap(({ targets }) => targets.map(familyOf)));
    const sockets = await MeshSockets.open(namespaces, families);
    const ending = new AbortController();
    // Each source listens to it.
    setMaxListeners(0, ending.signal);
    const probing = {
      count: Number.POSITIVE_INFINITY,
      intervalMs,
      timeoutMs: lastReplyMs,
      payloadBytes: PAYLOAD_BYTES,
      identifier: systemRandom.below(0x10000),
    };
    const results: Promise<ProbeResult[]>[] = [];
    const sending = sources.map(
      ({ namespace, targets }) =>
        new Promise<void>((resolve, reject) => {
          const options = { ...probing, targets, onSending: resolve };
          const result = probe(options, systemClock, sockets.opener(namespace), ending.signal);
          result.catch(reject);
          results.push(result);
        }),
    );
    const stop = async () => {
      ending.abort();
      try {
        return await Promise.all(results);
      } finally {
        await sockets.close();
      }
    };
    try {
      await Promise.all(sending);
    } catch (error) {
      await stop().catch(() => {});
      throw error;
    }
    return new SteadyPings(stop);
  }

  /** Stops them. @returns for each source and each of its targets the pings sent and lost */
  stop(): Promise<readonly (readonly ProbeResult[])[]> {
    return this.#stop();
  }
}
