import type { Clock } from "../../src/runtime/clock.ts";
import { isRetryable, messageOf } from "../../src/runtime/error.ts";
import type { Log } from "../../src/runtime/log.ts";

/** What may end by itself, such as a device that is just being made, is logged once it has lasted this long. */
const PATIENCE_MS = 2_000;
/** Time after which the same reason is logged again. */
const REMIND_MS = 600_000;

/** Logs why the data plane is not open: once for each reason, and a reminder while it lasts. */
export class OpenFaultLog {
  readonly #clock: Clock;
  readonly #log: Log;
  #sinceMs: number | null = null;
  #logged: { readonly reason: string; readonly atMs: number } | null = null;

  constructor({ clock, log }: { readonly clock: Clock; readonly log: Log }) {
    this.#clock = clock;
    this.#log = log;
  }

  failed(error: unknown): void {
    const nowMs = this.#clock.nowMs();
    this.#sinceMs ??= nowMs;
    const reason = messageOf(error);
    const isFinal = !isRetryable(error);
    if (!isFinal && nowMs - this.#sinceMs < PATIENCE_MS) return;
    const isKnown = this.#logged?.reason === reason && nowMs - this.#logged.atMs < REMIND_MS;
    if (isKnown) return;
    this.#logged = { reason, atMs: nowMs };
    const durationMs = Math.round(nowMs - this.#sinceMs);
    if (isFinal) this.#log.error({ op: "udp-open", reason }, "UDP data plane failed, will retry");
    else this.#log.warn({ op: "udp-open", reason, durationMs }, "UDP data plane not open yet, will retry");
  }

  opened(): void {
    this.#sinceMs = null;
    this.#logged = null;
  }
}
