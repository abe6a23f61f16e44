import type { Clock } from "../../runtime/clock.ts";

/** Minimum interval between reads of rules, since some plugins add a rule or a route for each pod. */
const APART_MS = 1000;
/** Reads take at most one part in this many of the time, however large the tables are. */
const SHARE = 20;

/** Schedules reads of foreign rules and routes, which may divert packets, after they changed. */
export class DiversionSchedule {
  readonly #clock: Clock;
  readonly #gatherMs: number;
  /** Infinity while nothing has changed. */
  #dueMs = Number.POSITIVE_INFINITY;
  #earliestMs = Number.NEGATIVE_INFINITY;

  constructor(options: { clock: Clock; gatherMs: number }) {
    this.#clock = options.clock;
    this.#gatherMs = options.gatherMs;
  }

  /** On the monotonic clock; Infinity while nothing has changed. */
  get dueMs(): number {
    return this.#dueMs;
  }

  /** Call when one of them changed. @returns false when a read was already due */
  changed(): boolean {
    if (this.#dueMs !== Number.POSITIVE_INFINITY) return false;
    this.#dueMs = Math.max(this.#clock.nowMs() + this.#gatherMs, this.#earliestMs);
    return true;
  }

  /** Reads them if that is due; the longer a read takes, the later the next one. */
  async readIfDue(read: () => Promise<void>): Promise<void> {
    const startMs = this.#clock.nowMs();
    if (startMs < this.#dueMs) return;
    this.#dueMs = Number.POSITIVE_INFINITY;
    await read();
    const nowMs = this.#clock.nowMs();
    this.#earliestMs = nowMs + Math.max(APART_MS, SHARE * (nowMs - startMs));
  }
}
