/** Random histories of stores on the simulated API server. `TWEED_SEED` and `TWEED_HISTORIES` choose which, and how many. */
import { expect, test } from "vitest";
import { runHistory } from "./kube-history.ts";

const FIRST_SEED = Number(process.env.TWEED_SEED ?? 1);
const COUNT = Number(process.env.TWEED_HISTORIES ?? 30);

test(`nothing is lost in ${COUNT} histories from seed ${FIRST_SEED}`, async () => {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + COUNT; seed++) {
    const { fault, trace } = await runHistory({ seed });
    if (fault !== null) expect.fail(`seed ${seed}: ${fault}\n${trace.slice(-60).join("\n")}`);
  }
});

/** A server that was restored before a daemon that had published had listed the nodes. */
test.for([555])("what was lost once is not lost now, seed %i", async (seed) => {
  const { fault, trace } = await runHistory({ seed });
  expect(fault, trace.slice(-60).join("\n")).toBeNull();
});

test("a seed decides everything", async () => {
  const [first, second] = [await runHistory({ seed: 7 }), await runHistory({ seed: 7 })];
  expect(second.trace).toEqual(first.trace);
  expect(first.requests).toBeGreaterThan(10);
});
