import { describe, expect, it } from "vitest";
import { describeHistory, describeViolation, traceLines } from "./failure-text.ts";
import { BUILT_STORES, drawHistory, type HistoryOptions, runHistory } from "./history.ts";
import { KNOWN_BUGS } from "./known-bugs.ts";
import { MUTATIONS } from "./mutations.ts";
import { runRange } from "./run-range.ts";
import { shrink } from "./shrink.ts";

const SHORT: HistoryOptions = { steps: 40, nodes: 3, store: "file" };

describe("the simulator", () => {
  it.each(BUILT_STORES)("finds nothing in a few histories on the %s store", async (store) => {
    const failures: string[] = [];
    const range = { seed: 1, from: 0, count: 3, stride: 1 };
    const totals = await runRange(range, { ...SHORT, store }, async ({ index, history, result }) => {
      failures.push(`${index}: ${describeViolation(result)}\n${describeHistory(history)}`);
      return true;
    });
    expect(failures).toEqual([]);
    expect(totals).toMatchObject({ histories: 3, steps: 120, failures: 0 });
    expect(totals.checks).toBeGreaterThan(1_000);
  });

  it.each(BUILT_STORES)("does the same for the same seed, line by line, on the %s store", async (store) => {
    const history = drawHistory(3, 1, { ...SHORT, store });
    const first = await runHistory(history);
    const second = await runHistory(structuredClone(history));
    expect(traceLines(second)).toEqual(traceLines(first));
    expect(second.checks).toBe(first.checks);
  });

  it("shrinks a failure, and replays it from its text", async () => {
    const { replacements } = partNamed("one peer is left out");
    const history = drawHistory(1, 0, SHORT);
    const failed = await runHistory(history, replacements);
    expect(failed.violation).not.toBeNull();
    const { history: small } = await shrink(history, failed, replacements);
    expect(small.steps).toEqual([]);
    const again = await runHistory(JSON.parse(JSON.stringify(small)), replacements);
    expect(again.violation).toEqual((await runHistory(small, replacements)).violation);
  });
});

function partNamed(name: string) {
  const part = [...KNOWN_BUGS, ...MUTATIONS].find((each) => each.name === name);
  if (part === undefined) throw new Error(`no part ${name}`);
  return part;
}

/** `npm run sim:mutants` has all of them, and after how many histories each is noticed. */
const NOTICED_AT_ONCE = [
  "one peer is left out",
  "the ends of two peers are exchanged",
  "neighbours are not written",
  "offers are read in the wrong order",
] as const;

describe("the oracle notices", () => {
  it.each(NOTICED_AT_ONCE)("that %s", async (name) => {
    const { replacements } = partNamed(name);
    const results: string[] = [];
    for (const index of [0, 1, 2]) {
      const { violation } = await runHistory(drawHistory(1, index, SHORT), replacements);
      if (violation !== null) results.push(violation.invariant);
    }
    expect(results).not.toEqual([]);
  });
});
