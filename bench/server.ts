/** The far end of all measurements: in a pod of a lab, or on the other of two machines. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { type Ip, isIpv4 } from "../src/net/index.ts";
import { messageOf, TweedError } from "../src/runtime/error.ts";
import { findDaemons } from "./daemon-search.ts";
import { readHostFacts } from "./host-facts.ts";
import { readUsage } from "./usage.ts";

export interface ServerPorts {
  readonly iperf3: number;
  readonly exchange: number;
  /** HTTP: /host and /usage of the machine. */
  readonly usage: number;
}

/** The first of three consecutive ports, iperf3's default. */
export const FIRST_PORT = 5201;

export function portsFrom(first: number): ServerPorts {
  return { iperf3: first, exchange: first + 1, usage: first + 2 };
}

/** The line printed once all three serve. */
export const SERVING = "tweed bench: serving";

/** Serves until the signal aborts. @throws TweedError `program-failed` when a part ends earlier */
export async function serve(
  tweed: readonly string[],
  ip: Ip,
  ports: ServerPorts,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const parts = new AbortController();
  const both = AbortSignal.any([signal, parts.signal]);
  const http = await serveUsage(ip, ports.usage);
  try {
    const iperf3 = runPart(["iperf3", "-s", "-B", ip, "-p", String(ports.iperf3), "--forceflush"], both);
    const exchange = runPart(
      [...tweed, "bench", "exchange", "--listen", ip, `--port=${ports.exchange}`],
      both,
    );
    await Promise.race([
      Promise.all([iperf3.speaks, exchange.speaks]).then(() => say(`${SERVING} on ${ip}`)),
      iperf3.ended,
      exchange.ended,
    ]);
    await Promise.race([iperf3.ended, exchange.ended]);
  } finally {
    parts.abort();
    http.close();
  }
}

interface Part {
  /** Resolves at its first output, which both programs write once they listen. */
  readonly speaks: Promise<unknown>;
  /** Resolves when the signal ended it, and rejects when it ended otherwise. */
  readonly ended: Promise<void>;
}

function runPart(command: readonly string[], signal: AbortSignal): Part {
  // The kernel ends it with this process, also when this one is killed.
  const child = spawn("setpriv", ["--pdeathsig", "KILL", ...command], {
    stdio: ["ignore", "pipe", "pipe"],
    killSignal: "SIGKILL",
    signal,
  });
  let complaint = "";
  child.stderr.on("data", (chunk: Buffer) => {
    complaint = (complaint + chunk).slice(-500);
  });
  const speaks = once(child.stdout, "data", { signal }).then(() => child.stdout.resume());
  const ended = new Promise<void>((resolve, reject) => {
    const end = (reason: string) =>
      signal.aborted
        ? resolve()
        : reject(new TweedError({ code: "program-failed", operation: `run ${command.join(" ")}`, reason }));
    child.once("error", (error) => end(messageOf(error)));
    child.once("close", (code) => end(`it ended with ${code}: ${complaint.trim()}`));
  });
  // The two promises race; the rejection of the loser is expected.
  speaks.catch(() => {});
  ended.catch(() => {});
  return { speaks, ended };
}

async function serveUsage(ip: Ip, port: number): Promise<Server> {
  const answers = new Map<string, () => Promise<unknown>>([
    ["/host", readHostFacts],
    ["/usage", async () => readUsage(await findDaemons())],
  ]);
  const server = createServer((request, response) => {
    const answer = answers.get(request.url ?? "");
    if (answer === undefined) {
      response.writeHead(404).end();
      return;
    }
    answer().then(
      (value) => response.end(JSON.stringify(value)),
      (error: unknown) => response.writeHead(500).end(messageOf(error)),
    );
  });
  server.listen(port, ip);
  await once(server, "listening");
  return server;
}

/** "http://192.0.2.1:5203" */
export function usageUrl(ip: Ip, ports: ServerPorts): string {
  return `http://${isIpv4(ip) ? ip : `[${ip}]`}:${ports.usage}`;
}
