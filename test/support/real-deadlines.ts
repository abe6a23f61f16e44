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
  const clockFor = (ms: number) => (ms === deadlineMs || isReal(ms) ? systemClock : clock);
  return {
    nowMs: () => clock.nowMs(),
    wallMs: () => clock.wallMs(),
    startTimer: (ms, onDue) => clockFor(ms).startTimer(ms, onDue),
    turn: () => clock.turn(),
    sleep: (ms, signal) => clockFor(ms).sleep(ms, signal),
  };
}
