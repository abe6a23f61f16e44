import type { Clock } from "../../runtime/clock.ts";

/** Passes in a row at full speed; manual changes by an operator never exceed this. */
const FREE = 16;
const LONGEST_WAIT_MS = 1000;

/**
 * How long to batch notifications before a pass. Two programs that undo each other's changes would load the machine for
 * ever. So each repair (or iteration, where those are counted) raises a level by one, each second lowers it by one, and
 * beyond the free passes the wait doubles up to a second.
 */
export class Pace {
  readonly #clock: Clock;
  readonly #gatherMs: number;
  #level = 0;
  #levelAtMs: number;

  constructor(options: { clock: Clock; gatherMs: number }) {
    this.#clock = options.clock;
    this.#gatherMs = options.gatherMs;
    this.#levelAtMs = options.clock.nowMs();
  }

  /** Call after a pass that repaired a converged state, or after any iteration that must not repeat at full speed. */
  slowDown(): void {
    this.#level = this.#currentLevel() + 1;
    this.#levelAtMs = this.#clock.nowMs();
  }

  get waitMs(): number {
    const beyond = Math.max(0, Math.floor(this.#currentLevel()) - FREE);
    return Math.min(LONGEST_WAIT_MS, this.#gatherMs * 2 ** Math.min(beyond, 30));
  }

  get isContested(): boolean {
    return this.#currentLevel() > FREE;
  }

  #currentLevel(): number {
    return Math.max(0, this.#level - (this.#clock.nowMs() - this.#levelAtMs) / 1000);
  }
}
