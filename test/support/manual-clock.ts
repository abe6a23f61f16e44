import type { Clock } from "../../src/runtime/clock.ts";

interface Sleeper {
  readonly atMs: number;
  readonly wake: () => void;
}

/** Time that stands still until a test moves it on: for what sleeps on it and works with files or servers in between. */
export class ManualClock implements Clock {
  #nowMs = 0;
  readonly #sleepers = new Set<Sleeper>();

  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return Date.UTC(2026, 0, 1) + this.#nowMs;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      if (ms <= 0) return resolve();
      const leave = () => {
        this.#sleepers.delete(sleeper);
        signal?.removeEventListener("abort", abort);
      };
      const abort = () => {
        leave();
        reject(signal?.reason);
      };
      const wake = () => {
        leave();
        resolve();
      };
      const sleeper = { atMs: this.#nowMs + ms, wake };
      signal?.addEventListener("abort", abort, { once: true });
      this.#sleepers.add(sleeper);
    });
  }

  /** How many sleep now. */
  get sleepers(): number {
    return this.#sleepers.size;
  }

  /** Wakes whoever has slept long enough by then. */
  advance(ms: number): void {
    this.#nowMs += ms;
    for (const { atMs, wake } of [...this.#sleepers]) if (atMs <= this.#nowMs) wake();
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
