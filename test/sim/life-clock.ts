/** The clock of one run of a daemon: it ends with the run, and stands still while the process is paused. */
import type { Clock, Timer } from "../../src/runtime/clock.ts";
import type { NodeClock, SimulatedTime } from "../support/simulated-time.ts";
import type { Life } from "./life.ts";

export class LifeClock implements Clock {
  readonly #host: NodeClock;
  readonly #time: SimulatedTime;
  readonly #life: Life;
  readonly #sleepers = new Set<() => void>();

  constructor(host: NodeClock, time: SimulatedTime, life: Life) {
    this.#host = host;
    this.#time = time;
    this.#life = life;
    life.onEnd(() => {
      for (const takeBack of this.#sleepers) takeBack();
      this.#sleepers.clear();
    });
  }

  /** How many wait for a time: a daemon that starts ever more timers leaks memory. */
  get sleepers(): number {
    return this.#sleepers.size;
  }

  nowMs(): number {
    return this.#host.nowMs();
  }

  wallMs(): number {
    return this.#host.wallMs();
  }

  startTimer(ms: number, onDue: () => void): Timer {
    if (this.#life.isOver) return { cancel: () => {} };
    // It may be due while the process is paused.
    let isCancelled = false;
    const wake = this.#life.guarded(() => {
      this.#sleepers.delete(takeBack);
      if (!isCancelled) onDue();
    });
    const takeBack = this.#time.wakeAt(this.#time.nowMs + Math.max(0, ms), wake);
    this.#sleepers.add(takeBack);
    const cancel = () => {
      isCancelled = true;
      this.#sleepers.delete(takeBack);
      takeBack();
    };
    return { cancel };
  }

  turn(): Promise<void> {
    return this.#life.result(this.#time.turn());
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#life.isOver) return;
      if (signal?.aborted) return reject(signal.reason);
      const abort = () => {
        this.#sleepers.delete(takeBack);
        takeBack();
        reject(signal?.reason);
      };
      const wake = this.#life.guarded(() => {
        this.#sleepers.delete(takeBack);
        signal?.removeEventListener("abort", abort);
        resolve();
      });
      const takeBack = this.#time.wakeAt(this.#time.nowMs + Math.max(0, ms), wake);
      this.#sleepers.add(takeBack);
      signal?.addEventListener("abort", abort, { once: true });
    });
  }
}
