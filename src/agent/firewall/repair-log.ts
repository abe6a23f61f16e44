import type { Pace } from "../../kernel/reconcile/pace.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Log } from "../../runtime/log.ts";

const CONTEST_LOG_MS = 60_000;

/** Logs repairs and slows them down: two programs that undo each other's changes would otherwise loop. */
export class RepairLog {
  readonly #clock: Clock;
  readonly #pace: Pace;
  readonly #log: Log;
  #contestLoggedMs = Number.NEGATIVE_INFINITY;

  constructor(options: { readonly clock: Clock; readonly pace: Pace; readonly log: Log }) {
    this.#clock = options.clock;
    this.#pace = options.pace;
    this.#log = options.log;
  }

  /** @param parts names of the parts that were written again */
  repaired(parts: readonly string[]): void {
    this.#pace.slowDown();
    const fields = { op: parts.join(", ") };
    if (!this.#pace.isContested) {
      this.#log.info(fields, "firewall rules repaired");
    } else if (this.#clock.nowMs() - this.#contestLoggedMs >= CONTEST_LOG_MS) {
      this.#contestLoggedMs = this.#clock.nowMs();
      this.#log.warn(fields, "another program keeps changing firewall rules of ours");
    }
  }
}
