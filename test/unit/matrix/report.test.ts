import { expect, test } from "vitest";
import { type Column, isClean, outcomeOf, outcomesIn, report } from "../../matrix/report.ts";
import { formatOutcome, hasPassed, type Outcome, summary } from "../../smoke/outcome.ts";

const OK: Outcome = { title: "vxlan: the mesh", verdict: "ok", detail: "8 pairs" };
const FAILED: Outcome = { title: "firewall: by nft", verdict: "FAILED", detail: "no rules (none)" };
const ABSENT: Outcome = {
  title: "wireguard: the mesh",
  verdict: "not on this kernel",
  detail: "wireguard devices",
};
const TITLES = [OK, FAILED, ABSENT].map(({ title }) => title);

test("outcomes are read from what a program printed as they were", () => {
  const outcomes = [OK, FAILED, ABSENT];
  const printed = ["Node v24.0.0", ...outcomes.map(formatOutcome), summary(outcomes), ""].join("\r\n");
  expect(outcomesIn(printed)).toEqual(outcomes);
});

test("a reason of several lines becomes one line", () => {
  const outcome = { ...FAILED, detail: "8 pairs\n  pod1 -> pod2: 3 lost\n" };
  expect(outcomesIn(formatOutcome(outcome))).toEqual([
    { ...outcome, detail: "8 pairs; pod1 -> pod2: 3 lost" },
  ]);
});

test("the summary counts, and names what the kernel lacks only where it lacks something", () => {
  expect(summary([OK, OK])).toBe("2 passed, 0 failed");
  expect(summary([OK, FAILED, ABSENT])).toBe("1 passed, 1 failed, 1 not on this kernel");
});

test("a run has passed when something did and nothing failed", () => {
  expect(hasPassed([OK, ABSENT])).toBe(true);
  expect(hasPassed([OK, FAILED])).toBe(false);
  expect(hasPassed([ABSENT])).toBe(false);
  expect(hasPassed([])).toBe(false);
});

test("the table has a column for each place, and below it the reasons", () => {
  const columns: Column[] = [
    { place: "Linux 6.1", outcomes: [OK, FAILED, ABSENT] },
    { place: "Linux 6.12", outcomes: [OK, outcomeOf(FAILED.title, { exitCode: 0 })] },
  ];
  expect(report(TITLES, columns).split("\n")).toEqual([
    "                     Linux 6.1           Linux 6.12",
    "vxlan: the mesh      ok                  ok",
    "firewall: by nft     FAILED              ok",
    "wireguard: the mesh  not on this kernel  not run",
    "Linux 6.1: firewall: by nft: FAILED: no rules (none)",
    "Linux 6.1: wireguard: the mesh: not on this kernel: wireguard devices",
  ]);
});

test("a check that was not run counts as failed, and one that the kernel lacks does not", () => {
  const at = (...outcomes: readonly Outcome[]): Column[] => [{ place: "here", outcomes }];
  const repaired = outcomeOf(FAILED.title, { exitCode: 0 });
  expect(isClean(TITLES, at(OK, repaired, ABSENT))).toBe(true);
  expect(isClean(TITLES, at(OK, repaired))).toBe(false);
  expect(isClean(TITLES, at(OK, FAILED, ABSENT))).toBe(false);
});
