import { type Clock, systemClock } from "../../src/runtime/clock.ts";

/**
 * A test's clock for a store on a real server: a request takes real time, and would miss its deadline as soon as a
 * virtual clock jumps. So sleeps as long as a request deadline are real, and all others are virtual.
 * @param isReal of other sleeps: time would run on by itself where one always waits
 */
export function withRealDeadlines(
  clock: Clock,
  deadlineMs: number,
  isReal: (ms: number) => boolean = () => false,
): Clock {
  return {
    nowMs: () => clock.nowMs(),
    wallMs: () => clock.wallMs(),
    turn: () => clock.turn(),
    sleep: (ms, signal) => (ms === deadlineMs || isReal(ms) ? systemClock : clock).sleep(ms, signal),
  };
}
