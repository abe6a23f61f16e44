/** Traffic between every pair of a lab's pods: a ping every 10 ms, and a TCP stream that never ends. */
import { resolve } from "node:path";
import type { Lab } from "../../src/lab/lab.ts";
import type { LabNode } from "../../src/lab/topology.ts";
import type { Family, Ip } from "../../src/net/index.ts";
import { DaemonProcess } from "./daemon-process.ts";
import { eventually } from "./eventually.ts";
import { SteadyPings } from "./steady-pings.ts";
import { isLongRun } from "./test-lab.ts";

const PROGRAM = resolve("test/support/pod-streams.mjs");
const PORT = 7100;
/** 20 kB/s each way: enough to detect that a stream is alive. Where stalls are measured, 50 kB/s. */
const LINES: Lines = { everyMs: isLongRun ? 20 : 50, bytes: 1000 };
const PING_INTERVAL_MS = 10;

export interface Lines {
  readonly everyMs: number;
  readonly bytes: number;
}

/** The losses and stalls of the traffic in one interval. */
export interface Reading {
  readonly pings: readonly { readonly pair: string; readonly sent: number; readonly lost: number }[];
  readonly streams: readonly StreamReading[];
  /** The greatest lateness of the senders: a silence no longer than this is caused by the machine. */
  readonly latenessMs: number;
}

export interface StreamReading {
  readonly pair: string;
  /** "ECONNRESET", "closed", "not what was sent"; null without a fault. */
  readonly fault: string | null;
  /** The longest time without a reply while one was due. */
  readonly silenceMs: number;
  /** Since the stream began. */
  readonly bytes: number;
}

/** "pod1 > pod2: 3 lost" for each pair that lost pings. */
export function lostPairs({ pings }: Pick<Reading, "pings">): string[] {
  return pings.flatMap(({ pair, lost }) => (lost === 0 ? [] : [`${pair}: ${lost} lost`]));
}

/** "pod1 > pod2: ECONNRESET" for each stream that broke. */
export function brokenStreams({ streams }: Pick<Reading, "streams">): string[] {
  return streams.flatMap(({ pair, fault }) => (fault === null ? [] : [`${pair}: ${fault}`]));
}

interface Pod {
  readonly name: string;
  readonly namespace: string;
  readonly ip: Ip;
}

type StreamsReading = Pick<Reading, "streams" | "latenessMs">;

export class PodTraffic {
  readonly #pods: readonly Pod[];
  readonly #senders: readonly DaemonProcess[];
  /** In the current interval, which may span several readings. */
  #worstSilenceMs = new Map<string, number>();
  #worstLatenessMs = 0;

  private constructor(pods: readonly Pod[], senders: readonly DaemonProcess[]) {
    this.#pods = pods;
    this.#senders = senders;
  }

  /** Starts traffic among the pods of these nodes. Resolves when every pod has a connection to every other. */
  static async start(
    lab: Lab,
    nodes = lab.nodes,
    { everyMs, bytes } = LINES,
    family: Family = "v4",
  ): Promise<PodTraffic> {
    const pods = await Promise.all(
      nodes.map(async (node) => ({
        name: node.podName,
        namespace: node.podNamespace,
        ip: await podIp(lab, node, family),
      })),
    );
    const senders = pods.map((pod) => {
      const peers = pods.filter((other) => other !== pod).map(({ ip }) => ip);
      const words = [PORT, everyMs, bytes].map(String);
      return DaemonProcess.start(pod.namespace, [process.execPath, PROGRAM, ...words, ...peers]);
    });
    await Promise.all(senders.map((sender) => eventually(() => sender.output).toContain("connected\n")));
    return new PodTraffic(pods, senders);
  }

  /** Measures the traffic during an act. */
  async during(act: () => Promise<void>): Promise<Reading> {
    await this.#readStreams();
    this.#worstSilenceMs.clear();
    this.#worstLatenessMs = 0;
    const pings = await SteadyPings.start(
      this.#pods.map((pod) => ({
        namespace: pod.namespace,
        targets: this.#others(pod).map(({ ip }) => ip),
      })),
      PING_INTERVAL_MS,
    );
    let results: Awaited<ReturnType<SteadyPings["stop"]>> = [];
    try {
      await act();
    } finally {
      results = await pings.stop();
    }
    return {
      pings: this.#pods.flatMap((pod, index) =>
        this.#others(pod).map((other, target) => {
          const { sent = 0, lost = 0 } = results[index]?.[target] ?? {};
          return { pair: `${pod.name} > ${other.name}`, sent, lost };
        }),
      ),
      ...(await this.#readStreams()),
    };
  }

  /** Waits until every stream has returned this many more bytes. */
  async untilCarried(bytes: number): Promise<void> {
    const bytesOf = new Map((await this.#readStreams()).streams.map(({ pair, bytes }) => [pair, bytes]));
    const waiting = async () =>
      (await this.#readStreams()).streams.flatMap((stream) => {
        const carried = stream.bytes - (bytesOf.get(stream.pair) ?? 0);
        return carried >= bytes ? [] : [`${stream.pair}: ${carried} bytes, ${stream.fault ?? "no fault"}`];
      });
    await eventually(waiting).toEqual([]);
  }

  /** Ends the streams; their final report says whether all data returned as it was sent. */
  stop(): Promise<StreamsReading> {
    return this.#readStreams("SIGTERM");
  }

  #others(pod: Pod): readonly Pod[] {
    return this.#pods.filter((other) => other !== pod);
  }

  async #readStreams(question: "SIGUSR2" | "SIGTERM" = "SIGUSR2"): Promise<StreamsReading> {
    const answers = await Promise.all(this.#senders.map((sender) => ask(sender, question)));
    this.#worstLatenessMs = Math.max(this.#worstLatenessMs, ...answers.map(({ latenessMs }) => latenessMs));
    const streams = answers.flatMap(({ streams }, index) =>
      streams.map(({ peer, silenceMs, ...stream }) => {
        const pair = `${this.#pods[index]?.name} > ${this.#pods.find(({ ip }) => ip === peer)?.name}`;
        const worstMs = Math.max(silenceMs, this.#worstSilenceMs.get(pair) ?? 0);
        this.#worstSilenceMs.set(pair, worstMs);
        return { pair, silenceMs: worstMs, ...stream };
      }),
    );
    return { streams, latenessMs: this.#worstLatenessMs };
  }
}

async function podIp(lab: Lab, node: LabNode, family: Family): Promise<Ip> {
  const ip = (await lab.podIps(node))[family];
  if (ip === null) throw new Error(`${node.podName} has no ${family} address`);
  return ip;
}

interface SenderReport {
  readonly latenessMs: number;
  readonly streams: readonly (Omit<StreamReading, "pair"> & { readonly peer: string })[];
}

/** Makes the program print a report, and reads it. */
async function ask(sender: DaemonProcess, question: NodeJS.Signals): Promise<SenderReport> {
  const known = sender.output.length;
  sender.signal(question);
  const news = () => sender.output.slice(known);
  await eventually(news).toMatch(/^\{.*\}\n/m);
  return JSON.parse(/^\{.*\}$/m.exec(news())?.[0] ?? "") as SenderReport;
}
