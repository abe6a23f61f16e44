import { describe, expect, it } from "vitest";
import { missedBounds, type Outcome } from "../../../bench/scale/disturbance.ts";
import { fitLine } from "../../../bench/scale/line-fit.ts";
import { addressOf, leaseOf, SyntheticNodes } from "../../../bench/scale/synthetic-nodes.ts";

describe("fitLine", () => {
  it("finds the line through points on one, without a margin", () => {
    const fit = fitLine([1, 2, 5].map((x) => ({ x, y: 3 + 2 * x })));
    expect(fit.slope).toBeCloseTo(2);
    expect(fit.intercept).toBeCloseTo(3);
    expect(fit.predict(20).y).toBeCloseTo(43);
    expect(fit.predict(20).margin).toBeCloseTo(0);
  });

  it("is less certain the further out", () => {
    const fit = fitLine([
      { x: 1, y: 1 },
      { x: 2, y: 2.5 },
      { x: 3, y: 3 },
      { x: 4, y: 4.2 },
    ]);
    expect(fit.predict(20).margin).toBeGreaterThan(fit.predict(5).margin);
    expect(fit.predict(5).margin).toBeGreaterThan(0);
  });

  it("refuses points at one place", () => {
    expect(() => fitLine([1, 2, 3].map((y) => ({ x: 5, y })))).toThrow(/different places/);
  });
});

describe("SyntheticNodes", () => {
  it("gives every node an address and a MAC of its own, also after changes", () => {
    const nodes = new SyntheticNodes(300);
    for (let index = 0; index < 300; index += 3) {
      nodes.change(index, ({ address, mac }) => ({ address: address + (index % 5), mac: mac + 1 }));
    }
    expect(new Set(nodes.all.map(addressOf)).size).toBe(300);
    expect(new Set(nodes.all.map((node) => JSON.stringify(leaseOf(node).offers))).size).toBe(300);
    expect(new Set(nodes.all.map((node) => leaseOf(node).identity.id)).size).toBe(300);
  });
});

describe("missedBounds", () => {
  const held: Outcome = {
    store: "etcd",
    nodes: 5000,
    disturbance: "churn",
    tookMs: 300_000,
    rightMs: 200,
    difference: null,
    maxRssMb: 120,
    restRssMb: 100,
    loop: { p50Ms: 1, p99Ms: 90, maxMs: 400, samples: 1000, programs: 0 },
    cpuMs: 1000,
    listRequests: 0,
  };

  it("names every bound that was missed", () => {
    expect(missedBounds(held)).toEqual([]);
    expect(missedBounds({ ...held, rightMs: null, difference: "1 missing" })).toEqual([
      "never right: 1 missing",
    ]);
    const missed = { ...held, restRssMb: 131, rightMs: 10_001, loop: { ...held.loop, p99Ms: 101 } };
    expect(missedBounds(missed)).toHaveLength(3);
  });
});
