/** iperf3 as a client, and its JSON. */
import * as v from "valibot";
import type { Ip } from "../src/net/index.ts";
import { TweedError } from "../src/runtime/error.ts";
import type { Measurement } from "./measurement.ts";
import type { Reading } from "./reading.ts";

export type IperfMeasurement = Extract<Measurement, { kind: "tcp" | "udp" }>;

export function iperfCommand(
  measurement: IperfMeasurement,
  server: { readonly ip: Ip; readonly port: number },
  durationS: number,
): string[] {
  // iperf3 accepts only whole seconds.
  const seconds = Math.max(1, Math.round(durationS));
  const command = ["iperf3", "--json", "-c", server.ip, "-p", String(server.port), "-t", String(seconds)];
  if (measurement.kind === "udp") {
    // At the sender's full rate; only received datagrams count.
    return [...command, "-u", "-b", "0", "-l", String(measurement.payloadBytes)];
  }
  return [...command, "-P", String(measurement.streams), ...(measurement.reverse ? ["-R"] : [])];
}

const AMOUNT = { bytes: v.number(), seconds: v.number(), bits_per_second: v.number() };

const TCP_REPORT = v.object({
  end: v.object({
    // Absent where the sending kernel does not report it.
    sum_sent: v.object({ retransmits: v.optional(v.number()) }),
    sum_received: v.object(AMOUNT),
  }),
});

const UDP_REPORT = v.object({
  end: v.object({ sum_received: v.object({ ...AMOUNT, lost_percent: v.number() }) }),
});

/** @throws TweedError `iperf3` with its error message */
export function readIperf(measurement: IperfMeasurement, json: string): Reading {
  if (measurement.kind === "tcp") {
    const { sum_sent, sum_received } = parseReport(TCP_REPORT, json).end;
    const gbps = sum_received.bits_per_second / 1e9;
    const retransmits = sum_sent.retransmits ?? null;
    return { value: gbps, gbps, retransmits, lostPercent: null, latencyUs: null };
  }
  const received = parseReport(UDP_REPORT, json).end.sum_received;
  const kpps = received.bytes / measurement.payloadBytes / received.seconds / 1000;
  return {
    value: kpps,
    gbps: received.bits_per_second / 1e9,
    retransmits: null,
    lostPercent: received.lost_percent,
    latencyUs: null,
  };
}

function parseReport<Schema extends v.GenericSchema>(schema: Schema, json: string): v.InferOutput<Schema> {
  const report = parseJson(json);
  if (typeof report === "object" && report !== null && "error" in report) fail(String(report.error));
  const result = v.safeParse(schema, report);
  return result.success ? result.output : fail(`its JSON is not as known: ${v.summarize(result.issues)}`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    return fail(`it printed no JSON: ${JSON.stringify(text.slice(0, 80))}`, cause);
  }
}

function fail(reason: string, cause?: unknown): never {
  throw new TweedError({ code: "iperf3", operation: "measure with iperf3", reason, retryable: true, cause });
}
