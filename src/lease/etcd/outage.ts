import type { Clock } from "../../runtime/clock.ts";
import type { TweedError } from "../../runtime/error.ts";
import type { Log } from "../../runtime/log.ts";

/** While the store stays away it is said again this often, so that a fresh log shows it too. */
const REPEAT_MS = 60_000;
/** A connection that comes and goes is not worth a line each time. */
const QUIET_MS = 5_000;

/** One line in the log when the store goes away and one when it is back, however many requests fail in between. */
export class Outage {
  readonly #log: Log;
  readonly #clock: Clock;
  #sinceMs: number | null = null;
  #isLogged = false;
  #loggedAtMs = Number.NEGATIVE_INFINITY;

  constructor(log: Log, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  failed(error: TweedError): void {
    const nowMs = this.#clock.nowMs();
    this.#sinceMs ??= nowMs;
    if (nowMs - this.#loggedAtMs < (this.#isLogged ? REPEAT_MS : QUIET_MS)) return;
    this.#loggedAtMs = nowMs;
    this.#isLogged = true;
    const fields = { op: error.operation, code: error.code, durationMs: Math.round(nowMs - this.#sinceMs) };
    this.#log.warn({ ...fields, reason: error.message }, "etcd does not answer; trying on");
  }

  succeeded(): void {
    if (this.#sinceMs === null) return;
    const durationMs = Math.round(this.#clock.nowMs() - this.#sinceMs);
    if (this.#isLogged) this.#log.info({ durationMs }, "etcd answers again");
    this.#sinceMs = null;
    this.#isLogged = false;
  }
}
