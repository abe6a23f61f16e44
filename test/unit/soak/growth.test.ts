import { expect, test } from "vitest";
import { describeGrowth, growthsOf, type SampleEvent } from "../../soak/growth.ts";

function sampled(descriptorsAt: (index: number) => number, namespacesAt = (_: number) => 20): SampleEvent[] {
  return Array.from({ length: 360 }, (_, index) => ({
    atS: index * 10,
    backend: index % 20 < 10 ? "vxlan" : "udp",
    namespaces: namespacesAt(index),
    nodes: ["node1", "node2"].map((node) => ({
      node,
      pid: 7,
      rssKib: 90_000 + (index % 2),
      descriptors: descriptorsAt(index),
      threads: 11,
      logLines: index % 3,
      nftObjects: 60,
      kernelObjects: 40,
    })),
  }));
}

const leaks = (events: readonly SampleEvent[]) =>
  growthsOf(events, ["node1"])
    .filter(({ isLeak }) => isLeak)
    .map(({ what }) => what);

test("names nothing where nothing grows", () => {
  expect(leaks(sampled(() => 40))).toEqual([]);
});

test("names what grows, by node", () => {
  expect(leaks(sampled((index) => 40 + Math.floor(index / 30)))).toEqual(["descriptors of node1"]);
});

test("names namespaces that stay", () => {
  const events = sampled(
    () => 40,
    (index) => 20 + Math.floor(index / 30),
  );
  expect(leaks(events)).toEqual(["network namespaces"]);
});

test("ignores the first half, in which caches fill", () => {
  expect(leaks(sampled((index) => Math.min(40, index)))).toEqual([]);
});

test("says so in a line", () => {
  const [rss] = growthsOf(
    sampled(() => 40),
    ["node1"],
  );
  expect(rss === undefined ? "" : describeGrowth(rss)).toMatch(
    /^RSS of node1: -?\d+\.\d KiB\/h, 95% between -?\d+\.\d and \d+\.\d, \d+ samples: indistinguishable from zero$/,
  );
});
