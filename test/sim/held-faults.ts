/** Faults that last for a time. One that is set again while it lasts ends with the later of the two. */
import type { SimulatedTime } from "../support/simulated-time.ts";

interface Held {
  untilMs: number;
  readonly lift: () => void;
}

export class HeldFaults {
  readonly #time: SimulatedTime;
  readonly #held = new Map<string, Held>();

  constructor(time: SimulatedTime) {
    this.#time = time;
  }

  /** @param name of the fault; a second one of the same name extends it, with its own settings */
  hold(name: string, forMs: number, set: () => void, lift: () => void): void {
    const untilMs = Math.max(this.#time.nowMs + forMs, this.#held.get(name)?.untilMs ?? 0);
    set();
    this.#held.set(name, { untilMs, lift });
    this.#time.wakeAt(untilMs, () => {
      const held = this.#held.get(name);
      if (held === undefined || held.untilMs > this.#time.nowMs) return;
      this.#held.delete(name);
      held.lift();
    });
  }

  liftAll(): void {
    for (const [name, { lift }] of [...this.#held]) {
      this.#held.delete(name);
      lift();
    }
  }
}
