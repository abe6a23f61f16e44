import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { DEADLINE_MS, eventually } from "../../support/eventually.ts";

let seenInHook = 0;
beforeAll(async () => {
  await eventually(() => ++seenInHook).toBe(2);
});
afterAll(() => vi.useRealTimers());

test("works in a hook", () => {
  expect(seenInHook).toBe(2);
});

test("looks again until the expectation holds", async () => {
  const states = [[], [1], [1, 2]];
  await eventually(() => states.shift()).toEqual([1, 2]);
  expect(states).toEqual([]);
});

test("looks again after a look that throws", async () => {
  let looks = 0;
  await eventually(() => {
    if (++looks < 3) throw new Error("not yet");
    return looks;
  }).toBe(3);
});

test("waits for a negation", async () => {
  const texts = ["a b", "a"];
  await eventually(() => texts.shift()).not.toContain("b");
});

test("fails after the deadline with what was seen last", async () => {
  vi.useFakeTimers({ toFake: ["performance"] });
  let looks = 0;
  const waiting = eventually(() => {
    vi.advanceTimersByTime(DEADLINE_MS);
    return `look ${++looks}`;
  }).toBe("done");
  await expect(waiting).rejects.toThrow(/look 2/);
});

test("refuses to be awaited without a matcher", async () => {
  await expect((async () => await eventually(() => 1))()).rejects.toThrow("needs a matcher");
});
