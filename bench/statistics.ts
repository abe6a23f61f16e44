/** Summary statistics of the samples of one cell of the table. */
import { type Measurement, type MeasurementId, measurementOf } from "./measurement.ts";
import { type Distribution, median } from "./percentiles.ts";
import type { MeasuredSample, Sample } from "./result.ts";
import type { UnderlayName } from "./underlay.ts";

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export interface Cell {
  readonly underlay: UnderlayName;
  readonly mode: string;
  readonly measurement: Measurement;
  /** null when it failed in every round. */
  readonly value: Spread | null;
  /** The values themselves, in the order of the rounds. */
  readonly values: readonly number[];
  /** Why rounds failed. */
  readonly failures: readonly string[];
  /** Cores busy for each Gbit/s of payload; null if bytes are not measured. */
  readonly machineCoresPerGbps: number | null;
  readonly daemonCoresPerGbps: number | null;
  readonly retransmits: number | null;
  readonly lostPercent: number | null;
  readonly drops: number | null;
  readonly daemonRssMb: number | null;
  /** Medians of the rounds' percentiles, in microseconds. */
  readonly latencyUs: Distribution | null;
}

/** A cell for every measured or attempted combination, in the order of the samples. */
export function cellsOf(samples: readonly Sample[]): Cell[] {
  const groups = new Map<string, [Sample, ...Sample[]]>();
  for (const sample of samples) {
    const key = cellKey(sample.underlay, sample.mode, sample.measurement);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [sample]);
    else group.push(sample);
  }
  return [...groups.values()].map(cellOf);
}

export function cellKey(underlay: UnderlayName, mode: string, measurement: MeasurementId): string {
  return `${underlay}/${mode}/${measurement}`;
}

function cellOf(samples: readonly [Sample, ...Sample[]]): Cell {
  const { underlay, mode, measurement } = samples[0];
  const measured = samples.filter((sample) => sample.outcome === "measured");
  const values = measured.map((sample) => sample.value);
  return {
    underlay,
    mode,
    measurement: measurementOf(measurement),
    value: values.length === 0 ? null : spreadOf(values),
    values,
    failures: samples.flatMap((sample) => (sample.outcome === "failed" ? [sample.reason] : [])),
    machineCoresPerGbps: medianOf(measured, (sample) => perGbps(sample.machineCores, sample)),
    daemonCoresPerGbps: medianOf(measured, (sample) => perGbps(sample.daemonCores, sample)),
    retransmits: medianOf(measured, (sample) => sample.retransmits),
    lostPercent: medianOf(measured, (sample) => sample.lostPercent),
    drops: medianOf(measured, (sample) => sample.drops),
    daemonRssMb: medianOf(measured, (sample) => sample.daemonRssMb),
    latencyUs: medianDistribution(measured.map((sample) => sample.latencyUs).filter((each) => each !== null)),
  };
}

export function spreadOf(values: readonly number[]): Spread {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}

function perGbps(cores: number, { gbps }: MeasuredSample): number | null {
  return gbps === null || gbps === 0 ? null : cores / gbps;
}

function medianOf(
  samples: readonly MeasuredSample[],
  pick: (sample: MeasuredSample) => number | null,
): number | null {
  const values = samples.map(pick).filter((value) => value !== null);
  return values.length === 0 ? null : median(values);
}

/** The median of each percentile over the rounds, so that one bad round does not dominate the tail. */
function medianDistribution(rounds: readonly Distribution[]): Distribution | null {
  const [first] = rounds;
  if (first === undefined) return null;
  return {
    count: rounds.reduce((sum, { count }) => sum + count, 0),
    values: first.values.map((_, index) => median(rounds.map(({ values }) => values[index] ?? Number.NaN))),
    max: Math.max(...rounds.map(({ max }) => max)),
  };
}
