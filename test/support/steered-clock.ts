import { type Clock, systemClock, type Timer } from "../../src/runtime/clock.ts";

interface Sleeper {
  readonly atMs: number;
  readonly wake: () => void;
}

/** Time that only the test advances; for code that uses files, servers and threads, which take real time. */
export class SteeredClock implements Clock {
  /** The requested duration of each sleep, oldest first. */
  readonly sleepsMs: number[] = [];
  #nowMs = 0;
  #wallAheadMs = 0;
  #sleepers: readonly Sleeper[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return Date.UTC(2026, 0, 1) + this.#nowMs + this.#wallAheadMs;
  }

  /** Sets the wall clock ahead or back; intervals do not change. */
  stepWall(ms: number): void {
    this.#wallAheadMs += ms;
  }

  /** The number of current sleepers. */
  get sleepers(): number {
    return this.#sleepers.length;
  }

  turn(): Promise<void> {
    return systemClock.turn();
  }

  startTimer(ms: number, onDue: () => void): Timer {
    this.sleepsMs.push(ms);
    const sleeper = { atMs: this.#nowMs + ms, wake: onDue };
    const cancel = () => {
      this.#sleepers = this.#sleepers.filter((other) => other !== sleeper);
    };
    if (ms > 0) this.#sleepers = [...this.#sleepers, sleeper];
    else queueMicrotask(onDue);
    return { cancel };
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      this.sleepsMs.push(ms);
      if (ms <= 0) return resolve();
      const abort = () => {
        this.#sleepers = this.#sleepers.filter((other) => other !== sleeper);
        reject(signal?.reason);
      };
      const wake = () => {
        signal?.removeEventListener("abort", abort);
        resolve();
      };
      const sleeper = { atMs: this.#nowMs + ms, wake };
      signal?.addEventListener("abort", abort, { once: true });
      this.#sleepers = [...this.#sleepers, sleeper];
    });
  }

  /** Wakes the sleepers that are due by then. */
  advance(ms: number): void {
    this.#nowMs += ms;
    const due = this.#sleepers.filter(({ atMs }) => atMs <= this.#nowMs);
    this.#sleepers = this.#sleepers.filter(({ atMs }) => atMs > this.#nowMs);
    for (const { wake } of due.toSorted((a, b) => a.atMs - b.atMs)) wake();
  }

  /** Advances time until the promise settles. */
  async during<T>(awaited: Promise<T>): Promise<T> {
    const timer = setInterval(() => this.advance(10), 10);
    try {
      return await awaited;
    } finally {
      clearInterval(timer);
    }
  }
}
