/** Tests pass on a machine half as quick and under load, because none of them looks at the wall clock. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { wallClockUses } from "../../support/wall-clock-use.ts";

const SUITES = new URL("../../", import.meta.url).pathname;
const SELF = "support/wall-clock-use.ts";

/** Files below `test/` that may, each with the reason. Virtual clocks first, then what no virtual clock can stand in for. */
const ALLOWED: Readonly<Record<string, string>> = {
  "property/reconcile.test.ts": "a virtual clock",
  "property/switch-over.test.ts": "a virtual clock",
  "stores/etcd-acquire.test.ts": "a virtual clock",
  "stores/etcd-watch.test.ts": "a virtual clock",
  "unit/firewall/ruleset-watch.test.ts": "a virtual clock",
  "unit/kubernetes/outage.test.ts": "a virtual clock",
  "unit/lease/coalesce.test.ts": "a virtual clock",
  "unit/cluster/chaos-schedule.test.ts": "times of a schedule, which are arithmetic",
  "unit/bench/plan.test.ts": "what a plan is estimated to take, which is arithmetic",
  "unit/bench/readings.test.ts": "processor time read from text",
  "support/eventually.ts": "the one way to wait",
  "smoke/wait-until.ts": "the one way to wait where no test runner is",
  "support/kube-api/many-nodes-server.ts": "heartbeats of kubelets, for the benchmark",
  "support/pod-streams.mjs": "silence of streams, bounded in the long run only",
  "support/stopwatch.ts": "figures that are printed, bounded in the long run only",
  "e2e/kubernetes-outage.test.ts": "bounds of the long run",
  "e2e/switch-faults.test.ts": "bounds of the long run",
  "e2e/switch-hosts.test.ts": "bounds of the long run",
  "faults/bed.ts": "says how long a repair took",
  "faults/wall-clock.ts": "finds out whether a clock was set by a day",
  "soak/record.ts": "says when something happened",
  "sim/main.ts": "says how long histories took",
  "fuzz/main.ts": "says how long it took, and finds inputs that never end",
  "fuzz/engine/search.ts": "finds the slowest inputs, to measure them again",
  "fuzz/engine/slowest.ts": "repeats the slowest inputs, to measure them again",
  "cluster/checks/requester.mjs": "says when a request failed",
  "cluster/conformance/chaos.ts": "acts at times of a schedule, and says when",
  "cluster/conformance/exercise.ts": "says how long it took",
};

const files = readdirSync(SUITES, { recursive: true, encoding: "utf8" })
  .filter((path) => /\.(?:ts|mjs)$/.test(path) && path !== SELF)
  .sort();

function usesIn(path: string): string[] {
  const text = readFileSync(SUITES + path, "utf8");
  return wallClockUses(text, path.endsWith(".test.ts")).map(
    ({ line, reason }) => `test/${path}:${line} ${reason}`,
  );
}

describe("no test compares a wall clock", () => {
  test.each(files.filter((path) => ALLOWED[path] === undefined))("%s", (path) => {
    expect(usesIn(path)).toEqual([]);
  });

  test.each(Object.keys(ALLOWED))("%s still needs its permission", (path) => {
    expect(usesIn(path)).not.toEqual([]);
  });
});

describe("what is found", () => {
  const found = (text: string) => wallClockUses(text, true).map(({ line }) => line);

  test.each([
    ["a real clock", "const start = performance.now();"],
    ["the time of day", "const now = Date.now() + 1;"],
    ["the time of day as an object", "const now = new Date();"],
    ["a bound on a duration", "expect(await rulesRepairedMs()).toBeLessThan(1000);"],
    ["a bound by a name", "expect(count).toBeLessThan(BOUND_Ms);"],
    ["a wait of its own", "await expect.poll(read).toBe(1);"],
    ["a wait of vitest", "await vi.waitFor(read);"],
    ["a bounded wait", "await eventually(read, { timeout: 5000 }).toBe(1);"],
    ["a test that is tried again", 'test("x", { retry: 2 }, () => {});'],
  ])("%s", (_title, text) => {
    expect(found(text)).toEqual([1]);
  });

  test.each([
    ["a count", "expect(lists.length).toBeLessThan(5);"],
    ["a date of its own", "const day = new Date(0);"],
    ["the clock passed in", "const start = clock.nowMs();"],
    ["the one wait", "await eventually(read).toEqual([1]);"],
  ])("not %s", (_title, text) => {
    expect(found(text)).toEqual([]);
  });
});
