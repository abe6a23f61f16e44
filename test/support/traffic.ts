/** Checked traffic between two namespaces, by test/support/traffic.mjs. */
import { resolve } from "node:path";
import { inNamespace } from "../../src/lab/namespaces.ts";
import { run } from "../../src/runtime/program.ts";
import { DaemonProcess } from "./daemon-process.ts";
import { eventually } from "./eventually.ts";
import { Stopwatch } from "./stopwatch.ts";

const PROGRAM = resolve("test/support/traffic.mjs");
const PORT = 7000;

/** What one end of a TCP transfer saw. */
export interface Transferred {
  readonly bytes: number;
  readonly hash: string;
}

/** Sends `bytes` over one TCP connection; both ends' accounts of it. */
export async function transfer(
  from: string,
  to: { readonly namespace: string; readonly ip: string },
  bytes: number,
): Promise<{ readonly sent: Transferred; readonly received: Transferred; readonly durationMs: number }> {
  return send(to.namespace, from, ["tcp-source", to.ip, String(PORT), String(bytes)]);
}

/** Sends a line each 10 ms over one TCP connection, for `durationMs`. */
export async function drip(
  from: string,
  to: { readonly namespace: string; readonly ip: string },
  durationMs: number,
): Promise<{ readonly sent: Transferred; readonly received: Transferred }> {
  return send(to.namespace, from, ["tcp-drip", to.ip, String(PORT), String(durationMs)]);
}

/** Sends datagrams of `length` bytes one after the other, and tells how many came back unchanged. */
export async function askUdp(
  from: string,
  to: { readonly namespace: string; readonly ip: string },
  length: number,
  count: number,
): Promise<number> {
  const echo = await serve(to.namespace, ["udp-echo", String(PORT)]);
  try {
    const asked = await ask(from, ["udp-ask", to.ip, String(PORT), String(length), String(count)]);
    return (JSON.parse(asked) as { answered: number }).answered;
  } finally {
    await echo.stop();
  }
}

async function send(sinkNamespace: string, sourceNamespace: string, source: readonly string[]) {
  const sink = await serve(sinkNamespace, ["tcp-sink", String(PORT)]);
  try {
    const stopwatch = new Stopwatch();
    const sent = JSON.parse(await ask(sourceNamespace, source)) as Transferred;
    const durationMs = stopwatch.elapsedMs;
    await sink.ended();
    const received = JSON.parse(sink.output.split("\n")[1] ?? "") as Transferred;
    return { sent, received, durationMs };
  } finally {
    await sink.stop();
  }
}

async function serve(namespace: string, words: readonly string[]): Promise<DaemonProcess> {
  const server = DaemonProcess.start(namespace, [process.execPath, PROGRAM, ...words]);
  await eventually(() => server.output).toContain("listening");
  return server;
}

function ask(namespace: string, words: readonly string[]): Promise<string> {
  return run("ip", inNamespace(namespace, [process.execPath, PROGRAM, ...words]));
}
