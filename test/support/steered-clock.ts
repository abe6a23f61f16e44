import { type Clock, systemClock } from "../../src/runtime/clock.ts";

interface Sleeper {
  readonly atMs: number;
  readonly wake: () => void;
}

/** Time that stands still until a test moves it; for what works with files, servers and threads, which take time of their own. */
export class SteeredClock implements Clock {
  /** What each sleep was asked for, the oldest first. */
  readonly sleepsMs: number[] = [];
  #nowMs = 0;
  #sleepers: readonly Sleeper[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return Date.UTC(2026, 0, 1) + this.#nowMs;
  }

  /** How many sleep now. */
  get sleepers(): number {
    return this.#sleepers.length;
  }

  turn(): Promise<void> {
    return systemClock.turn();
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

  /** Wakes whoever sleeps until then. */
  advance(ms: number): void {
    this.#nowMs += ms;
    const due = this.#sleepers.filter(({ atMs }) => atMs <= this.#nowMs);
    this.#sleepers = this.#sleepers.filter(({ atMs }) => atMs > this.#nowMs);
    for (const { wake } of due.toSorted((a, b) => a.atMs - b.atMs)) wake();
  }

  /** Lets time go on until it is settled. */
  async during<T>(awaited: Promise<T>): Promise<T> {
    const timer = setInterval(() => this.advance(10), 10);
    try {
      return await awaited;
    } finally {
      clearInterval(timer);
    }
  }
}
