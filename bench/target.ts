import type { Ip } from "../src/net/index.ts";
import { systemClock } from "../src/runtime/clock.ts";
import { TweedError } from "../src/runtime/error.ts";
import type { ExchangeResult } from "./exchange/client.ts";
import { iperfCommand, readIperf } from "./iperf.ts";
import type { Measurement } from "./measurement.ts";
import { pingCommand, readPing } from "./ping.ts";
import type { Place } from "./place.ts";
import type { Reading } from "./reading.ts";
import type { MeasuredSample } from "./result.ts";
import type { ServerPorts } from "./server.ts";
import type { Usage } from "./usage.ts";

/** A running mode: the client's location, the server's address, and the usage. */
export interface Target {
  readonly mode: string;
  readonly client: Place;
  readonly serverIp: Ip;
  readonly ports: ServerPorts;
  /** The command line of tweed. */
  readonly tweed: readonly string[];
  usage(): Promise<Usage>;
}

export type Figures = Omit<MeasuredSample, "outcome" | "round" | "underlay" | "mode" | "measurement">;

/** @throws TweedError when the program fails */
export async function measure(
  target: Target,
  measurement: Measurement,
  durationS: number,
  signal: AbortSignal,
): Promise<Figures> {
  const before = await target.usage();
  const startMs = systemClock.nowMs();
  const reading = await read(target, measurement, durationS, signal);
  const seconds = (systemClock.nowMs() - startMs) / 1000;
  const after = await target.usage();
  return {
    ...reading,
    machineCores: (after.machineCpuS - before.machineCpuS) / seconds,
    daemonCores: (after.daemonCpuS - before.daemonCpuS) / seconds,
    daemonRssMb: after.daemonRssMb,
    drops: after.drops - before.drops,
  };
}

async function read(
  { client, serverIp, ports, tweed }: Target,
  measurement: Measurement,
  durationS: number,
  signal: AbortSignal,
): Promise<Reading> {
  // A program that hangs would block the whole run.
  const options = { signal, timeoutMs: durationS * 1000 + 20_000 };
  switch (measurement.kind) {
    case "tcp":
    case "udp": {
      const command = iperfCommand(measurement, { ip: serverIp, port: ports.iperf3 }, durationS);
      // Its exit code adds nothing to its JSON.
      return readIperf(measurement, (await client.execute(command, options)).stdout);
    }
    case "ping":
      return readPing((await client.execute(pingCommand(serverIp, durationS), options)).stdout);
    case "exchange": {
      const flags = [`--port=${ports.exchange}`, `--duration-ms=${Math.round(durationS * 1000)}`];
      if (measurement.connectEach) flags.push("--connect-each");
      const result = await client.execute([...tweed, "bench", "exchange", ...flags, serverIp], options);
      return readExchange(result);
    }
  }
}

function readExchange({
  stdout,
  stderr,
  exitCode,
}: {
  stdout: string;
  stderr: string;
  exitCode: number;
}): Reading {
  if (exitCode !== 0) {
    throw new TweedError({ code: "program-failed", operation: "exchange requests", reason: stderr.trim() });
  }
  const { perSecond, latencyUs } = JSON.parse(stdout) as ExchangeResult;
  return { value: perSecond, gbps: null, retransmits: null, lostPercent: null, latencyUs };
}
