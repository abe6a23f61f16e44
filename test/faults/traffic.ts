/** A ping every 10 ms and a TCP stream between every pair of pods, and what an act costs them. */
import type { Lab } from "../../src/lab/lab.ts";
import { SteadyPings } from "../support/steady-pings.ts";
import { type Pod, PodStreams, type StreamsReading } from "./streams.ts";

export const PING_INTERVAL_MS = 10;
/** A reply that is later than that is lost. The kernel answers within microseconds, a busy userspace data plane later. */
const LAST_REPLY_MS = 3000;

export interface PairLoss {
  readonly from: string;
  readonly to: string;
  readonly sent: number;
  readonly lost: number;
  /** Of the longest run of lost pings. */
  readonly gapMs: number;
}

export interface Losses extends StreamsReading {
  readonly pairs: readonly PairLoss[];
}

export class Traffic {
  readonly #pods: readonly Pod[];
  readonly #streams: PodStreams;

  private constructor(pods: readonly Pod[], streams: PodStreams) {
    this.#pods = pods;
    this.#streams = streams;
  }

  static async start(lab: Lab, signal: AbortSignal): Promise<Traffic> {
    const pods = await Promise.all(
      lab.nodes.map(async (node) => {
        const { v4 } = await lab.podIps(node);
        if (v4 === null) throw new Error(`${node.podName} has no IPv4 address`);
        return { name: node.podName, namespace: node.podNamespace, ip: v4 };
      }),
    );
    return new Traffic(pods, await PodStreams.start(pods, signal));
  }

  async during(act: () => Promise<void>): Promise<Losses> {
    await this.#streams.read();
    const sources = this.#pods.map((pod) => ({
      namespace: pod.namespace,
      targets: this.#others(pod).map(({ ip }) => ip),
    }));
    const pings = await SteadyPings.start(sources, PING_INTERVAL_MS, LAST_REPLY_MS);
    let results: Awaited<ReturnType<SteadyPings["stop"]>> = [];
    try {
      await act();
    } finally {
      results = await pings.stop();
    }
    const pairs = this.#pods.flatMap((pod, index) =>
      this.#others(pod).map((other, target) => {
        const { sent = 0, lost = 0, longestLoss = 0 } = results[index]?.[target] ?? {};
        return { from: pod.name, to: other.name, sent, lost, gapMs: longestLoss * PING_INTERVAL_MS };
      }),
    );
    return { pairs, ...(await this.#streams.read()) };
  }

  stop(): Promise<StreamsReading> {
    return this.#streams.stop();
  }

  #others(pod: Pod): readonly Pod[] {
    return this.#pods.filter((other) => other !== pod);
  }
}
