/** The measurements, with unit and direction of improvement. */
import { TweedError } from "../src/runtime/error.ts";

export type Unit = "Gbit/s" | "kpps" | "1/s" | "µs";

export type MeasurementId =
  | "tcp"
  | "tcp-reverse"
  | "tcp-4"
  | "tcp-16"
  | "udp64"
  | "udp1400"
  | "rr"
  | "crr"
  | "ping";

interface Description {
  readonly title: string;
  /** The event whose latency is measured, if any. */
  readonly takes?: string;
  readonly unit: Unit;
  readonly better: "more" | "less";
}

export type Measurement = Description & { readonly id: MeasurementId } & (
    | { readonly kind: "tcp"; readonly streams: number; readonly reverse: boolean }
    | { readonly kind: "udp"; readonly payloadBytes: number }
    | { readonly kind: "exchange"; readonly connectEach: boolean }
    | { readonly kind: "ping" }
  );

const gbps = { unit: "Gbit/s", better: "more" } as const;
const kpps = { unit: "kpps", better: "more" } as const;
const rate = { unit: "1/s", better: "more" } as const;

export const MEASUREMENTS: readonly Measurement[] = [
  { id: "tcp", title: "TCP, one stream", ...gbps, kind: "tcp", streams: 1, reverse: false },
  { id: "tcp-reverse", title: "TCP, one stream back", ...gbps, kind: "tcp", streams: 1, reverse: true },
  { id: "tcp-4", title: "TCP, 4 streams", ...gbps, kind: "tcp", streams: 4, reverse: false },
  { id: "tcp-16", title: "TCP, 16 streams", ...gbps, kind: "tcp", streams: 16, reverse: false },
  { id: "udp64", title: "UDP, 64 bytes, received", ...kpps, kind: "udp", payloadBytes: 64 },
  { id: "udp1400", title: "UDP, 1400 bytes, received", ...kpps, kind: "udp", payloadBytes: 1400 },
  {
    id: "rr",
    title: "TCP requests answered",
    takes: "a TCP request",
    ...rate,
    kind: "exchange",
    connectEach: false,
  },
  {
    id: "crr",
    title: "TCP connections with a request",
    takes: "a TCP connection with a request",
    ...rate,
    kind: "exchange",
    connectEach: true,
  },
  { id: "ping", title: "ping, median", takes: "a ping", unit: "µs", better: "less", kind: "ping" },
];

/** Measurements by the names of --tests. */
const TESTS: ReadonlyMap<string, readonly MeasurementId[]> = new Map(
  Object.entries<readonly MeasurementId[]>({
    tcp: ["tcp"],
    "tcp-reverse": ["tcp-reverse"],
    "tcp-parallel": ["tcp-4", "tcp-16"],
    udp64: ["udp64"],
    udp1400: ["udp1400"],
    rr: ["rr"],
    crr: ["crr"],
    ping: ["ping"],
  }),
);

export const DEFAULT_TESTS: readonly string[] = [...TESTS.keys()];

/** @param names separated by commas; @throws TweedError `usage` */
export function parseTests(names: string): Measurement[] {
  const wanted = new Set(
    names.split(",").flatMap((name) => {
      const ids = TESTS.get(name);
      if (ids !== undefined) return ids;
      throw new TweedError({
        code: "usage",
        operation: "read --tests",
        reason: `${JSON.stringify(name)} is not accepted, expected tests of ${DEFAULT_TESTS.join(",")}`,
      });
    }),
  );
  return MEASUREMENTS.filter((measurement) => wanted.has(measurement.id));
}

export function measurementOf(id: MeasurementId): Measurement {
  const found = MEASUREMENTS.find((measurement) => measurement.id === id);
  if (found === undefined) throw new RangeError(`there is no measurement ${id}`);
  return found;
}
