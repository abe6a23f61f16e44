import type { Alarm } from "../../runtime/alarm.ts";
import type { Clock } from "../../runtime/clock.ts";

const NEVER = Number.POSITIVE_INFINITY;

/** When the rules are compared with the host next: at once, soon after a change, or at a resync. Monotonic times. */
export class Schedule {
  readonly #clock: Clock;
  readonly #alarm: Alarm;
  readonly #resyncMs: number;
  #isUrgent = false;
  #changedAtMs = NEVER;
  #resyncAtMs = NEVER;

  /** @param resyncMs between two comparisons without any event */
  constructor(clock: Clock, alarm: Alarm, resyncMs: number) {
    this.#clock = clock;
    this.#alarm = alarm;
    this.#resyncMs = resyncMs;
  }

  now(): void {
    this.#isUrgent = true;
    this.#alarm.ring();
  }

  /** After the batch delay, which starts with the first change. */
  soon(): void {
    if (this.#changedAtMs !== NEVER) return;
    this.#changedAtMs = this.#clock.nowMs();
    this.#alarm.ring();
  }

  dueMs(batchDelayMs: number): number {
    if (this.#isUrgent) return this.#clock.nowMs();
    return Math.min(this.#changedAtMs + batchDelayMs, this.#resyncAtMs);
  }

  /** A comparison starts, and clears its triggers. @returns true for a resync */
  begin(): boolean {
    this.clear();
    const isResync = this.#clock.nowMs() >= this.#resyncAtMs;
    if (this.#resyncAtMs === NEVER || isResync) this.#resyncAtMs = this.#clock.nowMs() + this.#resyncMs;
    return isResync;
  }

  clear(): void {
    this.#isUrgent = false;
    this.#changedAtMs = NEVER;
  }
}
