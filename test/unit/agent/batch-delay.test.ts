import { describe, expect, it } from "vitest";
import {
  advanceBatchDelay,
  type BatchDelay,
  startBatchDelay,
} from "../../../src/agent/switch-over/batch-delay.ts";

/** How long the delay takes where timers are late by these times in turn, and then by none. */
function delayMs(latenesses: readonly number[]): number {
  const left = [...latenesses];
  let nowMs = 0;
  for (let delay: BatchDelay | null = startBatchDelay(nowMs); delay !== null; ) {
    nowMs = delay.dueMs + (left.shift() ?? 0);
    delay = advanceBatchDelay(delay, nowMs);
  }
  return nowMs;
}

describe("the batch delay", () => {
  it("is some 30 ms where no timer is late", () => {
    expect(delayMs([0, 1, 2])).toBe(33);
  });

  it("lasts until three timers in a row fire on time", () => {
    expect(delayMs([50, 0, 0, 20, 0, 0, 0])).toBe(7 * 10 + 70);
  });

  it("takes a timer for late that is more than 4 ms late", () => {
    expect(delayMs([4, 4, 4])).toBe(3 * 14);
    expect(delayMs([5, 0, 0, 0])).toBe(4 * 10 + 5);
  });

  it("is over after a second on a host whose timers are always late", () => {
    expect(delayMs(Array.from({ length: 1000 }, () => 40))).toBe(1000);
  });

  it("goes on unchanged when it is looked at before its timer is due", () => {
    const delay = startBatchDelay(0);
    expect(advanceBatchDelay(delay, 9)).toBe(delay);
  });
});
