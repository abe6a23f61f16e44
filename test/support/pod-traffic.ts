/** Traffic between every pair of a lab's pods: a ping every 10 ms, and a TCP stream that never ends. */
import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Lab } from "../../src/lab/lab.ts";
import { PingStream } from "../../src/lab/ping-stream.ts";
import type { LabNode } from "../../src/lab/topology.ts";
import type { Family, Ip } from "../../src/net/index.ts";
import { DaemonProcess } from "./daemon-process.ts";
import { TWEED } from "./test-lab.ts";

const PROGRAM = resolve("test/support/pod-streams.mjs");
const PORT = 7100;
/** 50 kB/s each way: with twelve streams as much as a busy machine bears beside four daemons. */
const LINES: Lines = { everyMs: 20, bytes: 1000 };
const PING_INTERVAL_MS = 10;
const ANSWER_TIMEOUT_MS = 10_000;

export interface Lines {
  readonly everyMs: number;
  readonly bytes: number;
}

/** What one stretch of time did to the traffic. */
export interface Reading {
  readonly pings: readonly { readonly pair: string; readonly sent: number; readonly lost: number }[];
  readonly streams: readonly StreamReading[];
  /** How late the senders ran at worst: a silence as long as this is the machine's. */
  readonly latenessMs: number;
}

export interface StreamReading {
  readonly pair: string;
  /** "ECONNRESET", "closed", "not what was sent"; null while all is well. */
  readonly fault: string | null;
  /** The longest time for which an answer was due and none came. */
  readonly silenceMs: number;
  readonly bytes: number;
}

interface Pod {
  readonly name: string;
  readonly namespace: string;
  readonly ip: Ip;
}

export class PodTraffic {
  readonly #pods: readonly Pod[];
  readonly #senders: readonly DaemonProcess[];

  private constructor(pods: readonly Pod[], senders: readonly DaemonProcess[]) {
    this.#pods = pods;
    this.#senders = senders;
  }

  /** Among the pods of these nodes. Resolves when every one has a connection to every other. */
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
    await Promise.all(senders.map((sender) => output(sender, (lines) => lines.includes("connected"))));
    return new PodTraffic(pods, senders);
  }

  /** Watches the traffic while something happens. */
  async during(act: () => Promise<void>): Promise<Reading> {
    await this.#readStreams((sender) => sender.signal("SIGUSR2"));
    const pings = await Promise.all(
      this.#pods.map((pod) => {
        const targets = this.#others(pod).map(({ ip }) => ip);
        return PingStream.start(pod.namespace, targets, TWEED, PING_INTERVAL_MS);
      }),
    );
    let results: Awaited<ReturnType<PingStream["stop"]>>[];
    try {
      await act();
    } finally {
      results = await Promise.all(pings.map((stream) => stream.stop()));
    }
    return {
      pings: this.#pods.flatMap((pod, index) =>
        this.#others(pod).map((other, target) => {
          const { sent = 0, lost = 0 } = results[index]?.[target] ?? {};
          return { pair: `${pod.name} > ${other.name}`, sent, lost };
        }),
      ),
      ...(await this.#readStreams((sender) => sender.signal("SIGUSR2"))),
    };
  }

  /** Ends the streams; their last words say whether all came back as it was sent. */
  stop(): Promise<Pick<Reading, "streams" | "latenessMs">> {
    return this.#readStreams((sender) => sender.signal("SIGTERM"));
  }

  #others(pod: Pod): readonly Pod[] {
    return this.#pods.filter((other) => other !== pod);
  }

  async #readStreams(ask: (sender: DaemonProcess) => void): Promise<Pick<Reading, "streams" | "latenessMs">> {
    const answers = await Promise.all(
      this.#senders.map(async (sender) => {
        const known = linesOf(sender).length;
        ask(sender);
        const lines = await output(sender, ({ length }) => length > known);
        return JSON.parse(lines.at(-1) ?? "") as SenderReport;
      }),
    );
    return {
      latenessMs: Math.max(...answers.map(({ latenessMs }) => latenessMs)),
      streams: answers.flatMap(({ streams }, index) =>
        streams.map(({ peer, ...stream }) => {
          const other = this.#pods.find(({ ip }) => ip === peer);
          return { pair: `${this.#pods[index]?.name} > ${other?.name}`, ...stream };
        }),
      ),
    };
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

function linesOf({ output }: DaemonProcess): readonly string[] {
  return output.split("\n").slice(0, -1);
}

async function output(
  program: DaemonProcess,
  isThere: (lines: readonly string[]) => boolean,
): Promise<readonly string[]> {
  for (let waitedMs = 0; waitedMs < ANSWER_TIMEOUT_MS; waitedMs += 10) {
    const lines = linesOf(program);
    if (isThere(lines)) return lines;
    if (!program.isRunning) break;
    await sleep(10);
  }
  throw new Error(`no word from pod-streams.mjs: ${program.output}`);
}
