import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { distribution, median, PERCENTILES, percentile } from "../../../bench/percentiles.ts";
import type { FailedSample } from "../../../bench/result.ts";
import { cellsOf } from "../../../bench/statistics.ts";
import { latencies, rounds, sample } from "../../support/bench-samples.ts";

const values = fc.array(fc.double({ min: -1e9, max: 1e9, noNaN: true }), { minLength: 1, maxLength: 200 });

describe("a distribution", () => {
  it("names values that occur, in ascending order, with as many values below as it says", () => {
    fc.assert(
      fc.property(values, (all) => {
        const of = distribution(all);
        expect(of?.count).toBe(all.length);
        expect(of?.max).toBe(Math.max(...all));
        for (const [index, share] of PERCENTILES.entries()) {
          const value = of?.values[index] ?? Number.NaN;
          expect(all).toContain(value);
          const below = all.filter((each) => each <= value).length;
          expect(below / all.length).toBeGreaterThanOrEqual(share / 100 - 1e-9);
        }
        expect(of?.values).toEqual(of?.values.toSorted((a, b) => a - b));
      }),
    );
  });

  it("of no values is none", () => expect(distribution([])).toBeNull());

  it("does not sort what it was given", () => {
    const given = [3, 1, 2];
    distribution(given);
    expect(given).toEqual([3, 1, 2]);
  });

  it("gives single percentiles", () => {
    const of = latencies(10);
    expect(percentile(of, 50)).toBeCloseTo(509, 5);
    expect(percentile(of, 99.9)).toBeCloseTo(1008, 5);
  });
});

describe("a median", () => {
  it("is the middle, or the mean of the two", () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([9, 1, 5, 6])).toBe(5.5);
    expect(median([])).toBeNaN();
  });

  it("has at most half of the values on either side", () => {
    fc.assert(
      fc.property(values, (all) => {
        const middle = median(all);
        expect(all.filter((value) => value < middle).length).toBeLessThanOrEqual(all.length / 2);
        expect(all.filter((value) => value > middle).length).toBeLessThanOrEqual(all.length / 2);
      }),
    );
  });
});

describe("cells", () => {
  it("take the samples of one mode, measurement and underlay together", () => {
    const cells = cellsOf([
      ...rounds("udp", [4, 6, 5]),
      ...rounds("udp", [7], { underlay: "same-host" }),
      ...rounds("vxlan", [10]),
    ]);
    expect(cells.map(({ mode, underlay, value }) => [mode, underlay, value])).toEqual([
      ["udp", "wire-like", { median: 5, min: 4, max: 6 }],
      ["udp", "same-host", { median: 7, min: 7, max: 7 }],
      ["vxlan", "wire-like", { median: 10, min: 10, max: 10 }],
    ]);
  });

  it("say what a Gbit/s costs, round by round", () => {
    const [cell] = cellsOf([
      sample("udp", 4, { machineCores: 2, daemonCores: 1 }),
      sample("udp", 10, { machineCores: 2, daemonCores: 1 }),
      sample("udp", 2, { machineCores: 2, daemonCores: 1 }),
    ]);
    expect(cell?.machineCoresPerGbps).toBe(0.5);
    expect(cell?.daemonCoresPerGbps).toBe(0.25);
  });

  it("say nothing of it where no bytes were counted or none came", () => {
    const [requests, nothing] = cellsOf([
      sample("udp", 4, { measurement: "rr", gbps: null }),
      sample("udp", 0, { gbps: 0 }),
    ]);
    expect(requests?.machineCoresPerGbps).toBeNull();
    expect(nothing?.machineCoresPerGbps).toBeNull();
  });

  it("keep the reasons of failures beside the values of the rounds that went well", () => {
    const failed: FailedSample = {
      outcome: "failed",
      round: 2,
      underlay: "wire-like",
      mode: "udp",
      measurement: "tcp",
      reason: "no answer",
    };
    const [mixed] = cellsOf([sample("udp", 4), failed]);
    expect(mixed).toMatchObject({ value: { median: 4 }, values: [4], failures: ["no answer"] });
    const [lost] = cellsOf([failed]);
    expect(lost).toMatchObject({ value: null, values: [], retransmits: null, latencyUs: null });
  });

  it("take the median of each percentile over the rounds", () => {
    const [cell] = cellsOf(
      [10, 1000, 20].map((least, index) =>
        sample("udp", 1, { round: index, measurement: "ping", latencyUs: latencies(least) }),
      ),
    );
    expect(cell?.latencyUs?.values).toEqual(latencies(20).values);
    expect(cell?.latencyUs).toMatchObject({ count: 3000, max: latencies(1000).max });
  });
});
