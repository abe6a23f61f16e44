import type { Clock } from "../../src/runtime/clock.ts";

/** Time stands still, and deadlines never come: bounds of time are not what a target tests. */
export const STILL_CLOCK: Clock = {
  nowMs: () => 0,
  wallMs: () => 0,
  startTimer: () => ({ cancel: () => {} }),
  turn: () => Promise.resolve(),
  sleep: (_ms, signal) =>
    new Promise((_resolve, reject) => {
      signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
    }),
};
