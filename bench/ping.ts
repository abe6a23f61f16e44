/** iputils' ping, whose reply times are taken by the kernel: a prober in Node would add its event loop. */
import type { Ip } from "../src/net/index.ts";
import { TweedError } from "../src/runtime/error.ts";
import { distribution, percentile } from "./percentiles.ts";
import type { Reading } from "./reading.ts";

/**
 * Short enough for hundreds in a fraction of a second, long enough for all threads and cores involved to go idle
 * between.
 */
const INTERVAL_S = 0.002;

export function pingCommand(ip: Ip, durationS: number): string[] {
  const count = Math.max(10, Math.round(durationS / INTERVAL_S));
  return ["ping", "-n", "-i", String(INTERVAL_S), "-c", String(count), "-W", "1", ip];
}

/** @throws TweedError `no-answer` */
export function readPing(output: string): Reading {
  const timesUs = [...output.matchAll(/ time=([\d.]+) ms/g)].map(([, ms]) => Number(ms) * 1000);
  const latencyUs = distribution(timesUs);
  if (latencyUs === null) {
    throw new TweedError({
      code: "no-answer",
      operation: "ping",
      reason: output.trim().split("\n").at(-1) ?? "it said nothing",
    });
  }
  const sent = Number(/(\d+) packets transmitted/.exec(output)?.[1] ?? latencyUs.count);
  return {
    value: percentile(latencyUs, 50),
    gbps: null,
    retransmits: null,
    lostPercent: (1 - latencyUs.count / sent) * 100,
    latencyUs,
  };
}
