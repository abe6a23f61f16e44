/** Synthetic results of benchmark runs. */
import { type MeasurementId, measurementOf } from "../../bench/measurement.ts";
import { type Distribution, distribution } from "../../bench/percentiles.ts";
import type { BenchResult, MeasuredSample, Sample } from "../../bench/result.ts";
import type { UnderlayName } from "../../bench/underlay.ts";

/** A sample of a stream on the wire-like underlay; `over` overrides fields. */
export function sample(mode: string, value: number, over: Partial<MeasuredSample> = {}): MeasuredSample {
  return {
    outcome: "measured",
    round: 1,
    underlay: "wire-like",
    mode,
    measurement: "tcp",
    value,
    gbps: value,
    retransmits: 0,
    lostPercent: null,
    latencyUs: null,
    machineCores: 2,
    daemonCores: 0.5,
    daemonRssMb: 60,
    drops: 0,
    ...over,
  };
}

/** A sample for each value, in rounds from 1. */
export function rounds(
  mode: string,
  values: readonly number[],
  over: Partial<MeasuredSample> = {},
): MeasuredSample[] {
  return values.map((value, index) => sample(mode, value, { round: index + 1, ...over }));
}

export function result(samples: readonly Sample[]): BenchResult {
  const names = [...new Set(samples.map(({ mode }) => mode))];
  const underlays = [...new Set(samples.map(({ underlay }) => underlay))];
  return {
    format: "tweed-bench-1",
    startedAt: "2026-03-04T05:06:07.000Z",
    tookS: 61.5,
    tweed: { version: "0.1.0", commit: "0123456789", changed: false },
    hosts: [
      {
        kernel: "Linux 6.1",
        cpu: "Sample CPU",
        cores: 2,
        memoryGb: 8,
        node: "v20.19.0",
        iperf3: "3.12",
        load: 0.1,
      },
    ],
    rounds: Math.max(0, ...samples.map(({ round }) => round)),
    durationS: 1,
    otherCores: [0.02, 0.04],
    modes: names.map((name) => ({ name, about: `about ${name}` })),
    underlays: underlays.map((name) => ({ name, about: `about ${name}` })),
    samples: [...samples],
  };
}

/** A result in which every measurement of these modes was taken twice. */
export function fullResult(modes: readonly string[], underlays: readonly UnderlayName[]): BenchResult {
  const ids: MeasurementId[] = [
    "tcp",
    "tcp-reverse",
    "tcp-4",
    "tcp-16",
    "udp64",
    "udp1400",
    "rr",
    "crr",
    "ping",
  ];
  return result(
    [1, 2].flatMap((round) =>
      underlays.flatMap((underlay) =>
        ids.flatMap((measurement) =>
          modes.map((mode, index) => {
            const isBulk = ["tcp", "udp"].includes(measurementOf(measurement).kind);
            return sample(mode, (index + 1) * (100 + round), {
              round,
              underlay,
              measurement,
              gbps: isBulk ? index + round : null,
              latencyUs: isBulk ? null : latencies(10 * (index + 1)),
            });
          }),
        ),
      ),
    ),
  );
}

/** From `least` to 100 times that. */
export function latencies(least: number): Distribution {
  const of = distribution(Array.from({ length: 1000 }, (_, index) => least * (1 + index / 10)));
  if (of === null) throw new Error("there are values");
  return of;
}
