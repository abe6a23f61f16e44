import { describe, expect, it } from "vitest";
import { untilCalm } from "../../../src/agent/switch-over/calm.ts";
import type { Clock } from "../../../src/runtime/clock.ts";

const never = new AbortController().signal;

/** A clock whose sleeps take longer than asked for, by these times in turn and then by none. */
function busyClock(latenesses: readonly number[]): Clock {
  const left = [...latenesses];
  let nowMs = 0;
  return {
    nowMs: () => nowMs,
    wallMs: () => nowMs,
    turn: async () => {},
    sleep: async (ms, signal) => {
      signal?.throwIfAborted();
      nowMs += ms + (left.shift() ?? 0);
    },
  };
}

describe("untilCalm", () => {
  it("waits some 30 ms where nothing is late", async () => {
    const clock = busyClock([0, 1, 2]);
    await untilCalm(clock, never);
    expect(clock.nowMs()).toBe(33);
  });

  it("waits for three naps in a row that end on time", async () => {
    const clock = busyClock([50, 0, 0, 20, 0, 0, 0]);
    await untilCalm(clock, never);
    expect(clock.nowMs()).toBe(7 * 10 + 70);
  });

  it("goes on after a second on a host that is never calm", async () => {
    const clock = busyClock(Array.from({ length: 1000 }, () => 40));
    await untilCalm(clock, never);
    expect(clock.nowMs()).toBeGreaterThanOrEqual(1000);
    expect(clock.nowMs()).toBeLessThan(1100);
  });

  it("can be cancelled", async () => {
    await expect(untilCalm(busyClock([]), AbortSignal.abort(new Error("stop")))).rejects.toThrow("stop");
  });
});
