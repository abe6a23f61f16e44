import { describe, expect, test } from "vitest";
import { type Sample, slopeOf } from "../../soak/slope.ts";
import { seededRandom } from "../../support/seeded-random.ts";

const random = seededRandom(17);
/** Between -1 and 1. */
const noise = () => random.below(2001) / 1000 - 1;

function series(count: number, value: (atS: number, index: number) => number, group = () => ""): Sample[] {
  return Array.from({ length: count }, (_, index) => ({
    atS: index * 10,
    value: value(index * 10, index),
    group: group(),
  }));
}

describe("a series", () => {
  test("that does not change has no slope", () => {
    expect(slopeOf(series(20, () => 90_000))).toEqual({ perHour: 0, low: 0, high: 0, samples: 20 });
  });

  test("that grows without noise has exactly its slope", () => {
    const slope = slopeOf(series(20, (atS) => 90_000 + atS / 36));
    expect(slope?.perHour).toBeCloseTo(100);
    expect(slope?.low).toBeCloseTo(100);
  });

  test("of noise alone cannot be told from one that does not grow", () => {
    const slope = slopeOf(series(180, () => 90_000 + 500 * noise()));
    expect(slope?.low).toBeLessThan(0);
    expect(slope?.high).toBeGreaterThan(0);
  });

  test("that grows by more than its noise is told from it", () => {
    const slope = slopeOf(series(180, (atS) => 90_000 + atS + 500 * noise()));
    expect(slope?.low).toBeGreaterThan(3000);
    expect(slope?.high).toBeLessThan(4200);
  });

  test("of neighbours that are alike is worth less than as many independent samples", () => {
    const width = (samples: readonly Sample[]) => {
      const slope = slopeOf(samples);
      return slope === null ? 0 : slope.high - slope.low;
    };
    let level = 0;
    const alike = series(180, () => {
      level = 0.95 * level + noise();
      return level;
    });
    const values = alike.map(({ value }) => value).sort(() => noise());
    const shuffledValues = alike.map((sample, index) => ({ ...sample, value: values[index] ?? 0 }));
    expect(width(alike)).toBeGreaterThan(2 * width(shuffledValues));
  });

  test("whose groups have levels of their own is judged within them", () => {
    const samples = series(180, (_, index) => (index < 90 ? 90_000 : 120_000) + noise());
    const grouped = samples.map((sample, index) => ({ ...sample, group: index < 90 ? "vxlan" : "udp" }));
    expect(slopeOf(samples)?.low).toBeGreaterThan(0);
    expect(Math.abs(slopeOf(grouped)?.perHour ?? Number.NaN)).toBeLessThan(20);
  });

  test("that is too short says nothing", () => {
    expect(slopeOf(series(2, () => 1))).toBeNull();
    expect(slopeOf([])).toBeNull();
  });
});
