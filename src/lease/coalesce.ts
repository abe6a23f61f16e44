/** Turns a stream of changes into a stream of states: a change after a quiet time at once, a burst as one state. */
import type { Clock } from "../runtime/clock.ts";
import { Latest } from "../runtime/latest.ts";
import { linkedAbort } from "../runtime/linked-abort.ts";
import type { LeaseSnapshot } from "./lease.ts";

const MIN_INTERVAL_MS = 5;
const MAX_INTERVAL_MS = 250;
/** About the time to plan for one more lease, and to compare its objects with the kernel. */
const PER_LEASE_MS = 0.05;

/**
 * The least time between this snapshot and the next. Both ends of a path switch when they receive the same change, and
 * an end that has just received another one switches later by this time: so it is no longer than the work requires.
 */
export function snapshotIntervalMs({ leases }: LeaseSnapshot): number {
  return Math.min(MAX_INTERVAL_MS, Math.max(MIN_INTERVAL_MS, leases.length * PER_LEASE_MS));
}

/**
 * Ends by throwing only. A leased state has thousands of parts, so it is an iterator of its own and no generator: one
 * that V8 has optimized may keep a state from long before in its suspended frame.
 *
 * @param changes endless, ends by throwing; an item means only that the result of `read` has changed
 * @param read returns the present state; called once per burst
 * @param intervalMs the least time between this state and the next
 */
export function coalesced<T>(
  changes: (signal: AbortSignal) => AsyncIterable<unknown>,
  read: () => T,
  intervalMs: (state: T) => number,
  clock: Clock,
  signal: AbortSignal,
): AsyncIterableIterator<T, never> {
  return new Coalesced({ changes, read, intervalMs, clock, signal });
}

interface CoalescedParts<T> {
  readonly changes: (signal: AbortSignal) => AsyncIterable<unknown>;
  readonly read: () => T;
  readonly intervalMs: (state: T) => number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

class Coalesced<T> implements AsyncIterableIterator<T, never> {
  readonly #parts: CoalescedParts<T>;
  readonly #arrived = new Latest<number>();
  /** null before the first call of `next`. */
  #pump: { readonly ended: AbortController; readonly done: Promise<void> } | null = null;
  #arrivals = 0;
  #handedOn = 0;
  #nextMs = Number.NEGATIVE_INFINITY;

  constructor(parts: CoalescedParts<T>) {
    this.#parts = parts;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorYieldResult<T>> {
    this.#pump ??= this.#startPump();
    const { clock, read, intervalMs } = this.#parts;
    const { signal } = this.#pump.ended;
    try {
      while ((await this.#arrived.take(signal)) <= this.#handedOn);
      const waitMs = this.#nextMs - clock.nowMs();
      // What has arrived while the reader worked for longer than the interval is a burst too.
      await (waitMs > 0 ? clock.sleep(waitMs, signal) : clock.turn());
      this.#handedOn = this.#arrivals;
      const value = read();
      this.#nextMs = clock.nowMs() + intervalMs(value);
      return { done: false, value };
    } catch (error) {
      await this.#end();
      throw error;
    }
  }

  async return(): Promise<IteratorReturnResult<never>> {
    await this.#end();
    return { done: true, value: undefined as never };
  }

  #startPump() {
    const ended = linkedAbort(this.#parts.signal);
    const pump = async () => {
      for await (const _ of this.#parts.changes(ended.signal)) this.#arrived.put(++this.#arrivals);
      throw new Error("a stream of changes ended");
    };
    // The error that ends the changes is thrown to the reader.
    return { ended, done: pump().catch((error: unknown) => ended.abort(error)) };
  }

  async #end(): Promise<void> {
    this.#pump?.ended.abort();
    await this.#pump?.done;
  }
}
