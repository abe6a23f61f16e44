import { type Clock, systemClock, type Timer } from "../../src/runtime/clock.ts";

/** The system's clock with a count of the sleeps on it: the number of waits before retries. */
export class CountedClock implements Clock {
  sleeps = 0;

  nowMs(): number {
    return systemClock.nowMs();
  }

  wallMs(): number {
    return systemClock.wallMs();
  }

  startTimer(ms: number, onDue: () => void): Timer {
    this.sleeps += 1;
    return systemClock.startTimer(ms, onDue);
  }

  turn(): Promise<void> {
    return systemClock.turn();
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    this.sleeps += 1;
    return systemClock.sleep(ms, signal);
  }
}
