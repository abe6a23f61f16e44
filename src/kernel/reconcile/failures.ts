import { Backoff } from "../../runtime/backoff.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { TweedError } from "../../runtime/error.ts";
import type { Log } from "../../runtime/log.ts";
import type { Random } from "../../runtime/random.ts";
import { describeOperation } from "../objects/operation-kinds.ts";
import type { Operation } from "../operation.ts";

/** An operation that the kernel refused and that will be retried. */
export interface Failure {
  /** The operation as text, see {@link describeOperation}. */
  readonly what: string;
  readonly op: Operation["op"];
  readonly code: string;
  readonly message: string;
  readonly attempts: number;
}

interface Entry {
  readonly op: Operation["op"];
  readonly backoff: Backoff;
  error: TweedError;
  dueMs: number;
  isWanted: boolean;
  /** Waits for another object, not for its retry time. */
  isBlocked: boolean;
}

/** Log lines in each pass, so that 5,000 peers with the same failure do not cause 5,000 lines. */
const MAX_LINES = 10;

/** The failed operations. Each has its own retry time; the others continue. */
export class Failures {
  readonly #entries = new Map<string, Entry>();
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #log: Log;
  #unlogged = 0;
  #lines = 0;

  constructor(options: { clock: Clock; random: Random; log: Log }) {
    this.#clock = options.clock;
    this.#random = options.random;
    this.#log = options.log;
  }

  beginPass(): void {
    this.#lines = 0;
    this.#unlogged = 0;
    for (const entry of this.#entries.values()) {
      entry.isWanted = false;
      entry.isBlocked = false;
    }
  }

  /** Discards failures of operations that are no longer planned. */
  endPass(): void {
    for (const [what, entry] of this.#entries) if (!entry.isWanted) this.#entries.delete(what);
    if (this.#unlogged > 0) {
      this.#log.warn({ count: this.#unlogged }, "more kernel operations failed, lines suppressed");
    }
  }

  /** Marks the operation as still planned; false before its retry time. */
  isDue(operation: Operation): boolean {
    if (this.#entries.size === 0) return true;
    const entry = this.#entries.get(describeOperation(operation));
    if (entry === undefined) return true;
    entry.isWanted = true;
    return entry.dueMs <= this.#clock.nowMs();
  }

  /** Marks the operation as still planned, and blocked by another object. */
  block(operation: Operation): void {
    if (this.#entries.size === 0) return;
    const entry = this.#entries.get(describeOperation(operation));
    if (entry === undefined) return;
    entry.isWanted = true;
    entry.isBlocked = true;
  }

  record(operation: Operation, error: TweedError): void {
    const what = describeOperation(operation);
    const known = this.#entries.get(what);
    const entry = known ?? this.#newEntry(operation.op, error);
    const isNew = known === undefined || known.error.code !== error.code;
    entry.error = error;
    entry.isWanted = true;
    entry.dueMs = this.#clock.nowMs() + entry.backoff.nextMs();
    this.#entries.set(what, entry);
    if (isNew) this.#report(what, entry);
  }

  succeeded(operation: Operation): void {
    if (this.#entries.size === 0) return;
    const what = describeOperation(operation);
    const entry = this.#entries.get(what);
    if (entry === undefined) return;
    this.#entries.delete(what);
    this.#log.debug(
      { op: what, attempt: entry.backoff.attempt + 1 },
      "kernel operation succeeded after retries",
    );
  }

  /** Call when a dependency of operations has changed. */
  retryNow(): void {
    for (const entry of this.#entries.values()) {
      entry.backoff.reset();
      entry.dueMs = this.#clock.nowMs();
    }
  }

  /** Monotonic time of the next retry; Infinity without failures. */
  nextDueMs(): number {
    let nextMs = Number.POSITIVE_INFINITY;
    for (const { dueMs, isBlocked } of this.#entries.values()) {
      if (!isBlocked) nextMs = Math.min(nextMs, dueMs);
    }
    return nextMs;
  }

  list(): readonly Failure[] {
    return [...this.#entries].map(([what, { op, error, backoff }]) => ({
      what,
      op,
      code: error.code,
      message: error.message,
      attempts: backoff.attempt,
    }));
  }

  #newEntry(op: Operation["op"], error: TweedError): Entry {
    const backoff = new Backoff({ firstMs: 100, maxMs: 10_000, random: this.#random });
    return { op, backoff, error, dueMs: 0, isWanted: true, isBlocked: false };
  }

  #report(what: string, entry: Entry): void {
    if (this.#lines === MAX_LINES) {
      this.#unlogged += 1;
      return;
    }
    this.#lines += 1;
    const { code, message } = entry.error;
    this.#log.warn(
      { op: what, code, reason: message, attempt: entry.backoff.attempt },
      "kernel operation failed, will retry",
    );
  }
}
