import type { Clock } from "../../runtime/clock.ts";

/** Looks in a row that are taken at full speed; an operator who breaks things by hand never gets further. */
const FREE = 16;
const LONGEST_WAIT_MS = 1000;

/**
 * How long to gather notifications before a pass. Two programs that each undo the other's work would keep the
 * machine busy for ever: every repair (or iteration, where those are counted) raises the level by one, every quiet second
 * lowers it by one, and beyond the free ones the wait doubles up to a second.
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

  /**
   * Call after a pass that repaired what had been right before, or after any iteration that must not repeat
   * at full speed.
   */
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
