/** Checked traffic between two namespaces, by test/support/traffic.mjs. */
import { resolve } from "node:path";
import { inNamespace } from "../../src/lab/namespaces.ts";
import { run } from "../../src/runtime/program.ts";
import { DaemonProcess } from "./daemon-process.ts";
import { eventually } from "./eventually.ts";

const PROGRAM = resolve("test/support/traffic.mjs");
const PORT = 7000;

/** What one end of a TCP transfer saw. */
export interface Transferred {
  readonly bytes: number;
  readonly hash: string;
}

/** Both ends' accounts of one TCP connection. */
export interface Transfer {
  readonly sent: Transferred;
  readonly received: Transferred;
}

export interface Target {
  readonly namespace: string;
  readonly ip: string;
}

/** Sends `bytes` over one TCP connection. */
export async function transfer(from: string, to: Target, bytes: number): Promise<Transfer> {
  const sink = await serve(to.namespace, ["tcp-sink", String(PORT)]);
  try {
    const sent = JSON.parse(
      await ask(from, ["tcp-source", to.ip, String(PORT), String(bytes)]),
    ) as Transferred;
    await sink.ended();
    return { sent, received: account(sink) };
  } finally {
    await sink.stop();
  }
}

/** Sends a line every 10 ms over one TCP connection, until it is stopped. Resolves when it has started. */
export async function drip(from: string, to: Target): Promise<{ readonly stop: () => Promise<Transfer> }> {
  const sink = await serve(to.namespace, ["tcp-sink", String(PORT)]);
  const words = ["tcp-drip", to.ip, String(PORT)];
  const source = await started(DaemonProcess.start(from, [process.execPath, PROGRAM, ...words]), "connected");
  const stop = async () => {
    try {
      source.signal("SIGTERM");
      await source.ended();
      await sink.ended();
      return { sent: account(source), received: account(sink) };
    } finally {
      await source.stop();
      await sink.stop();
    }
  };
  return { stop };
}

/** Sends `count` datagrams of each length, one after the other. @returns how many returned unchanged */
export async function askUdp(
  from: string,
  to: Target,
  lengths: readonly number[],
  count: number,
): Promise<readonly { readonly length: number; readonly answered: number }[]> {
  const echo = await serve(to.namespace, ["udp-echo", String(PORT)]);
  try {
    return JSON.parse(
      await ask(from, ["udp-ask", to.ip, String(PORT), String(count), ...lengths.map(String)]),
    );
  } finally {
    await echo.stop();
  }
}

async function serve(namespace: string, words: readonly string[]): Promise<DaemonProcess> {
  return started(DaemonProcess.start(namespace, [process.execPath, PROGRAM, ...words]), "listening");
}

/** Resolves when the program has printed this first word. */
async function started(program: DaemonProcess, word: string): Promise<DaemonProcess> {
  await eventually(() => program.output.includes(word) || !program.isRunning).toBe(true);
  if (program.isRunning) return program;
  throw new Error(`it ended before it was ${word}: ${program.output}`);
}

/** The report after the first word of the program's output. */
function account({ output }: DaemonProcess): Transferred {
  return JSON.parse(output.split("\n")[1] ?? "") as Transferred;
}

function ask(namespace: string, words: readonly string[]): Promise<string> {
  return run("ip", inNamespace(namespace, [process.execPath, PROGRAM, ...words]));
}
