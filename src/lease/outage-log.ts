import type { Clock } from "../runtime/clock.ts";
import type { TweedError } from "../runtime/error.ts";
import type { Log } from "../runtime/log.ts";

/** The line repeats this often during an outage, so that a fresh log shows it too. */
const REPEAT_MS = 60_000;
/** At most one line in this time for a connection that flaps. */
const QUIET_MS = 5_000;

const AWAY = {
  etcd: "etcd does not answer, will retry",
  kubernetes: "API server does not answer, will retry",
} as const;
const BACK = { etcd: "etcd answers again", kubernetes: "API server answers again" } as const;

/** Logs an outage of a store: one line at its start, one a minute, one at its end, however many requests fail. */
export class OutageLog {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #store: keyof typeof AWAY;
  #sinceMs: number | null = null;
  #isLogged = false;
  #loggedAtMs = Number.NEGATIVE_INFINITY;

  constructor(log: Log, clock: Clock, store: keyof typeof AWAY) {
    this.#log = log;
    this.#clock = clock;
    this.#store = store;
  }

  failed(error: TweedError): void {
    const nowMs = this.#clock.nowMs();
    this.#sinceMs ??= nowMs;
    if (nowMs - this.#loggedAtMs < (this.#isLogged ? REPEAT_MS : QUIET_MS)) return;
    this.#loggedAtMs = nowMs;
    this.#isLogged = true;
    const fields = { op: error.operation, code: error.code, durationMs: Math.round(nowMs - this.#sinceMs) };
    this.#log.warn({ ...fields, reason: error.message }, AWAY[this.#store]);
  }

  succeeded(): void {
    if (this.#sinceMs === null) return;
    const durationMs = Math.round(this.#clock.nowMs() - this.#sinceMs);
    if (this.#isLogged) this.#log.info({ durationMs }, BACK[this.#store]);
    this.#sinceMs = null;
    this.#isLogged = false;
  }
}
