import { type Clock, systemClock } from "../../src/runtime/clock.ts";

/**
 * A test's clock for a store that talks to a real server: a request takes time that no virtual clock knows of, and would be
 * late as soon as that clock jumps. So what is as long as a deadline for requests is real, and everything else the test's.
 */
export function withRealDeadlines(clock: Clock, deadlineMs: number): Clock {
  return {
    nowMs: () => clock.nowMs(),
    wallMs: () => clock.wallMs(),
    turn: () => clock.turn(),
    sleep: (ms, signal) => (ms === deadlineMs ? systemClock : clock).sleep(ms, signal),
  };
}
