import { Backoff } from "../../runtime/backoff.ts";
import type { Clock } from "../../runtime/clock.ts";
import { messageOf } from "../../runtime/error.ts";
import type { Log } from "../../runtime/log.ts";
import type { Random } from "../../runtime/random.ts";

interface Failure {
  readonly backoff: Backoff;
  reason: string;
  dueMs: number;
}

const RETRY = { firstMs: 200, maxMs: 30_000 };

/** The parts of the firewall that could not be written, each with its own retry. */
export class PartFailures {
  readonly #entries = new Map<string, Failure>();
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #log: Log;

  constructor(options: { clock: Clock; random: Random; log: Log }) {
    this.#clock = options.clock;
    this.#random = options.random;
    this.#log = options.log;
  }

  isDue(part: string): boolean {
    return (this.#entries.get(part)?.dueMs ?? 0) <= this.#clock.nowMs();
  }

  record(part: string, error: unknown): void {
    const known = this.#entries.get(part);
    const reason = messageOf(error);
    const entry = known ?? { backoff: new Backoff({ ...RETRY, random: this.#random }), reason, dueMs: 0 };
    const isNew = known === undefined || known.reason !== reason;
    entry.reason = reason;
    entry.dueMs = this.#clock.nowMs() + entry.backoff.nextMs();
    this.#entries.set(part, entry);
    const fields = { op: part, reason, attempt: entry.backoff.attempt };
    if (isNew) this.#log.warn(fields, "firewall rules not written, will retry");
    else this.#log.debug(fields, "firewall rules still not written");
  }

  clear(part: string): void {
    this.#entries.delete(part);
  }

  /** Removes all others, which are no longer listed. */
  retain(parts: ReadonlySet<string>): void {
    for (const part of this.#entries.keys()) if (!parts.has(part)) this.#entries.delete(part);
  }

  reasonOf(part: string): string | null {
    return this.#entries.get(part)?.reason ?? null;
  }

  /** When the next retry is due on the monotonic clock; infinity when there is none. */
  nextDueMs(): number {
    return Math.min(Number.POSITIVE_INFINITY, ...[...this.#entries.values()].map(({ dueMs }) => dueMs));
  }
}
