import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { systemClock } from "../../../src/runtime/clock.ts";
import { withDeadline } from "../../../src/runtime/timer.ts";

test("a deadline within AbortSignal.any survives the garbage collector", async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const stop = new AbortController();
  const work = (late: AbortSignal) => untilAborted(AbortSignal.any([stop.signal, late]), collect);
  expect(await withDeadline(systemClock, 100, work)).toBe("aborted");
});

/** Bounded by the test's own timeout. */
async function untilAborted(signal: AbortSignal, collect: () => void): Promise<string> {
  while (!signal.aborted) {
    collect();
    await systemClock.sleep(10);
  }
  return "aborted";
}
