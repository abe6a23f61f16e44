/** Which of the sampled quantities grow in the second half of a soak. */
import type { NodeSample } from "./sample.ts";
import { type Sample, type Slope, slopeOf } from "./slope.ts";

export interface Growth {
  readonly what: string;
  readonly unit: string;
  readonly slope: Slope;
  /** The interval lies above zero, and something was added in that time. */
  readonly isLeak: boolean;
}

export interface SampleEvent {
  readonly atS: number;
  readonly backend: string;
  readonly nodes: readonly NodeSample[];
  readonly namespaces: number;
}

const QUANTITIES = [
  { field: "rssKib", name: "RSS", unit: "KiB/h", least: 1 },
  { field: "descriptors", name: "descriptors", unit: "/h", least: 1 },
  { field: "threads", name: "threads", unit: "/h", least: 1 },
  { field: "nftObjects", name: "nft objects", unit: "/h", least: 1 },
  { field: "kernelObjects", name: "kernel objects", unit: "/h", least: 1 },
  { field: "logLines", name: "log lines per sample", unit: "/h", least: 1 },
] as const;

/** @param steady the nodes whose daemons nobody restarts */
export function growthsOf(samples: readonly SampleEvent[], steady: readonly string[]): readonly Growth[] {
  const [first, last] = [samples[0]?.atS ?? 0, samples.at(-1)?.atS ?? 0];
  const half = samples.filter(({ atS }) => atS >= first + (last - first) / 2);
  const hours = (last - first) / 2 / 3600;
  const growth = (what: string, unit: string, least: number, series: readonly Sample[]): Growth[] => {
    const slope = slopeOf(series);
    if (slope === null) return [];
    return [{ what, unit, slope, isLeak: slope.low > 0 && slope.perHour * hours >= least }];
  };
  return [
    ...QUANTITIES.flatMap(({ field, name, unit, least }) =>
      steady.flatMap((node) => {
        const series = half.flatMap(({ atS, backend, nodes }) => {
          const sample = nodes.find((each) => each.node === node);
          return sample === undefined ? [] : [{ atS, value: sample[field], group: backend }];
        });
        return growth(`${name} of ${node}`, unit, least, series);
      }),
    ),
    ...growth(
      "network namespaces",
      "/h",
      1,
      half.map(({ atS, namespaces }) => ({ atS, value: namespaces, group: "" })),
    ),
  ];
}

export function describeGrowth({ what, unit, slope, isLeak }: Growth): string {
  const { perHour, low, high, samples } = slope;
  const text = (value: number) => value.toFixed(1);
  const verdict = isLeak ? "LEAK" : low <= 0 && high >= 0 ? "indistinguishable from zero" : "no leak";
  return `${what}: ${text(perHour)} ${unit}, 95% between ${text(low)} and ${text(high)}, ${samples} samples: ${verdict}`;
}
