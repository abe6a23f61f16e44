import type { Clock, Timer } from "../../src/runtime/clock.ts";

interface Sleeper {
  readonly atMs: number;
  readonly wake: () => void;
}

/** The wall clock at the start of simulated time. */
const EPOCH_WALL_MS = Date.UTC(2026, 0, 1);

/**
 * One time line for any number of nodes. It runs by itself: when this process has nothing else to do, time jumps to the
 * next sleeper; of several that are due at once the first to sleep wakes first. Hours pass in milliseconds, in the same
 * order each time.
 */
export class SimulatedTime {
  #nowMs = 0;
  /** Sorted by due time. */
  readonly #sleepers: Sleeper[] = [];
  /** Nodes that have yielded, and continue before time advances. */
  #turns = 0;
  #isJumping = false;
  #hasEnded = false;
  /** Called when the process is idle, before time advances. */
  onIdle: () => void = () => {};

  get nowMs(): number {
    return this.#nowMs;
  }

  /** @returns a function that removes the sleeper */
  wakeAt(atMs: number, wake: () => void): () => void {
    if (this.#hasEnded) return () => {};
    const sleeper = { atMs, wake };
    this.#sleepers.splice(this.#placeOf(atMs), 0, sleeper);
    this.#jumpSoon();
    return () => {
      const index = this.#sleepers.indexOf(sleeper);
      if (index >= 0) this.#sleepers.splice(index, 1);
    };
  }

  /** Nothing wakes any more, and time stands still. */
  end(): void {
    this.#hasEnded = true;
    this.#sleepers.length = 0;
  }

  turn(): Promise<void> {
    this.#turns += 1;
    return new Promise((resolve) => {
      setImmediate(() => {
        this.#turns -= 1;
        resolve();
      });
    });
  }

  /** After all that are due no later. */
  #placeOf(atMs: number): number {
    let [low, high] = [0, this.#sleepers.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#sleepers[middle]?.atMs ?? 0) <= atMs) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #jumpSoon(): void {
    if (this.#isJumping) return;
    this.#isJumping = true;
    setImmediate(() => {
      this.#isJumping = false;
      if (this.#turns === 0) this.onIdle();
      const next = this.#turns === 0 ? this.#sleepers.shift() : undefined;
      if (next !== undefined) {
        this.#nowMs = Math.max(this.#nowMs, next.atMs);
        next.wake();
      }
      if (this.#sleepers.length > 0) this.#jumpSoon();
    });
  }
}

/** The clock of one node: monotonic time from the time line, and its own wall clock. */
export class NodeClock implements Clock {
  readonly #time: SimulatedTime;
  #wallAheadMs = 0;

  constructor(time: SimulatedTime) {
    this.#time = time;
  }

  nowMs(): number {
    return this.#time.nowMs;
  }

  wallMs(): number {
    return EPOCH_WALL_MS + this.#time.nowMs + this.#wallAheadMs;
  }

  /** Sets the node's wall clock ahead or back; intervals do not change. */
  stepWall(ms: number): void {
    this.#wallAheadMs += ms;
  }

  startTimer(ms: number, onDue: () => void): Timer {
    return { cancel: this.#time.wakeAt(this.#time.nowMs + Math.max(0, ms), onDue) };
  }

  turn(): Promise<void> {
    return this.#time.turn();
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const abort = () => {
        takeBack();
        reject(signal?.reason);
      };
      const wake = () => {
        signal?.removeEventListener("abort", abort);
        resolve();
      };
      const takeBack = this.#time.wakeAt(this.#time.nowMs + Math.max(0, ms), wake);
      signal?.addEventListener("abort", abort, { once: true });
    });
  }
}
