/** A TCP stream between every pair of pods, which lasts as long as nothing breaks it. */
import { resolve } from "node:path";
import type { Ip } from "../../src/net/index.ts";
import { waitUntil } from "../smoke/wait-until.ts";
import { DaemonProcess } from "../support/daemon-process.ts";

const PROGRAM = resolve("test/support/pod-streams.mjs");
const PORT = 7100;
const LINE_MS = 50;
const LINE_BYTES = 1000;

export interface Pod {
  readonly name: string;
  readonly namespace: string;
  readonly ip: Ip;
}

export interface StreamsReading {
  /** "pod1 > pod2: ECONNRESET" for each stream that broke since the last reading. */
  readonly broken: readonly string[];
  /** The longest time without an answer while one was due. */
  readonly silenceMs: number;
  /** The greatest lateness of the senders, which is the machine's. */
  readonly latenessMs: number;
}

interface SenderReport {
  readonly latenessMs: number;
  readonly streams: readonly {
    readonly peer: string;
    readonly fault: string | null;
    readonly silenceMs: number;
  }[];
}

export class PodStreams {
  readonly #pods: readonly Pod[];
  readonly #senders: readonly DaemonProcess[];
  readonly #signal: AbortSignal;

  private constructor(pods: readonly Pod[], senders: readonly DaemonProcess[], signal: AbortSignal) {
    this.#pods = pods;
    this.#senders = senders;
    this.#signal = signal;
  }

  /** Resolves when every pod has a connection to every other. */
  static async start(pods: readonly Pod[], signal: AbortSignal): Promise<PodStreams> {
    const senders = pods.map((pod) => {
      const peers = pods.filter((other) => other !== pod).map(({ ip }) => ip);
      const words = [PORT, LINE_MS, LINE_BYTES].map(String);
      return DaemonProcess.start(pod.namespace, [process.execPath, PROGRAM, ...words, ...peers]);
    });
    const streams = new PodStreams(pods, senders, signal);
    await streams.#untilPrinted(/connected/);
    return streams;
  }

  /** Since the last reading. Opens again what is broken, so that each break counts once. */
  async read(): Promise<StreamsReading> {
    const reading = await this.#ask("SIGUSR2");
    if (reading.broken.length > 0) for (const sender of this.#senders) sender.signal("SIGHUP");
    return reading;
  }

  /** Ends the streams; a stream that did not return what was sent counts as broken. */
  stop(): Promise<StreamsReading> {
    return this.#ask("SIGTERM");
  }

  async #ask(question: NodeJS.Signals): Promise<StreamsReading> {
    const known = this.#senders.map(({ output }) => output.length);
    for (const sender of this.#senders) sender.signal(question);
    const lines = await this.#untilPrinted(/^\{.*\}$/m, known);
    const reports = lines.map((line) => JSON.parse(line) as SenderReport);
    const streams = reports.flatMap((report, index) =>
      report.streams.map(({ peer, ...stream }) => {
        const to = this.#pods.find(({ ip }) => ip === peer)?.name;
        return { pair: `${this.#pods[index]?.name} > ${to}`, ...stream };
      }),
    );
    return {
      broken: streams.flatMap(({ pair, fault }) => (fault === null ? [] : [`${pair}: ${fault}`])),
      silenceMs: Math.max(...streams.map(({ silenceMs }) => silenceMs)),
      latenessMs: Math.max(...reports.map(({ latenessMs }) => latenessMs)),
    };
  }

  /** One wait for all of them: each has a listener of its own on the signal. @param from lengths of the known outputs */
  async #untilPrinted(what: RegExp, from: readonly number[] = []): Promise<readonly string[]> {
    const find = () => this.#senders.map(({ output }, index) => what.exec(output.slice(from[index]))?.[0]);
    const whoIsSilent = async () => {
      const silent = this.#senders[find().indexOf(undefined)];
      return silent === undefined ? null : `the last of one is ${JSON.stringify(silent.output.slice(-200))}`;
    };
    await waitUntil("hear from all pods' streams", this.#signal, whoIsSilent, { lookEveryMs: 20 });
    return find().map(String);
  }
}
