import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compareResults } from "../../../bench/comparison.ts";
import { describeComparison } from "../../../bench/report/comparison.ts";
import { result, rounds } from "../../support/bench-samples.ts";

const verdictOf = (before: readonly number[], after: readonly number[], over = {}) =>
  compareResults(result(rounds("udp", before, over)), result(rounds("udp", after, over))).differences[0]
    ?.verdict;

describe("a difference", () => {
  it("is within the spread as long as the two ranges touch", () => {
    expect(verdictOf([5, 6, 7], [7, 8, 9])).toBe("within");
    expect(verdictOf([5, 9], [6, 7])).toBe("within");
  });

  it("is better or worse beyond it", () => {
    expect(verdictOf([5, 6, 7], [7.1, 8, 9])).toBe("better");
    expect(verdictOf([5, 6, 7], [1, 2, 4.9])).toBe("worse");
  });

  it("turns round where less is better", () => {
    const ping = { measurement: "ping" } as const;
    expect(verdictOf([50, 60], [70, 80], ping)).toBe("worse");
    expect(verdictOf([50, 60], [30, 40], ping)).toBe("better");
  });

  it("of a result with itself there is none", () => {
    const values = fc.array(fc.double({ min: 0.1, max: 100, noNaN: true }), { minLength: 1, maxLength: 8 });
    fc.assert(fc.property(values, (all) => void expect(verdictOf(all, all)).toBe("within")));
  });

  it("is never better both ways", () => {
    const values = fc.array(fc.double({ min: 0.1, max: 100, noNaN: true }), { minLength: 1, maxLength: 8 });
    const opposite = { within: "within", better: "worse", worse: "better" } as const;
    fc.assert(
      fc.property(values, values, (a, b) => {
        const forth = verdictOf(a, b);
        expect(verdictOf(b, a)).toBe(forth === undefined ? forth : opposite[forth]);
      }),
    );
  });
});

describe("a comparison", () => {
  const comparison = compareResults(
    result([...rounds("udp", [4, 5]), ...rounds("vxlan", [10, 12])]),
    result([...rounds("udp", [1, 2]), ...rounds("host-gw", [14])]),
  );

  it("matches cells, and names those that only one result has", () => {
    expect(comparison.differences.map(({ mode }) => mode)).toEqual(["udp"]);
    expect(comparison.unmatched).toEqual(["wire-like/vxlan/tcp", "wire-like/host-gw/tcp"]);
  });

  it("tells the change of the medians", () => {
    expect(comparison.differences[0]?.change).toBeCloseTo(-2 / 3);
  });

  it("reads as a table with a count", () => {
    const lines = describeComparison(comparison).split("\n");
    expect(lines[2]).toMatch(/TCP, one stream, Gbit\/s .* 4\.50 \(4\.00–5\.00\) .* −66\.7% .* worse/);
    expect(lines).toContain("1 cells: 0 within the spread, 0 better, 1 worse");
    expect(lines.at(-1)).toContain("wire-like/vxlan/tcp");
  });
});
