import { setImmediate as nextTurn, setTimeout as sleepTimer } from "node:timers/promises";

/** Time, passed in so that a test can control it. Intervals are monotonic; wall clock is for display only. */
export interface Clock {
  /** Monotonic milliseconds from an arbitrary origin. */
  nowMs(): number;
  /** Milliseconds since the epoch, for display and for what other programs read. */
  wallMs(): number;
  /** Resolves after `ms`; rejects with the signal's reason as soon as it aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls `onDue` once, after `ms`. A timer that is not cancelled keeps the process alive until then. */
  startTimer(ms: number, onDue: () => void): Timer;
  /** Yields to the event loop, for long work in pieces. No time passes. */
  turn(): Promise<void>;
}

export interface Timer {
  /** No effect after the timer has fired. */
  cancel(): void;
}

export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  startTimer(ms, onDue) {
    const timer = setTimeout(onDue, ms);
    return { cancel: () => clearTimeout(timer) };
  },
  turn: () => nextTurn(),
  async sleep(ms, signal) {
    try {
      await sleepTimer(ms, undefined, signal === undefined ? {} : { signal });
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    }
  },
};
