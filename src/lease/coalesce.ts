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
 * @param changes endless, ends by throwing; an item means only that the result of `read` has changed
 * @param read returns the present state; called once per burst
 * @param intervalMs the least time between this state and the next
 */
export async function* coalesced<T>(
  changes: (signal: AbortSignal) => AsyncIterable<unknown>,
  read: () => T,
  intervalMs: (state: T) => number,
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<T, never> {
  const ended = linkedAbort(signal);
  const arrived = new Latest<number>();
  let arrivals = 0;
  const pump = async () => {
    for await (const _ of changes(ended.signal)) arrived.put(++arrivals);
    throw new Error("a stream of changes ended");
  };
  // The error that ends the changes is thrown to the reader below.
  const pumped = pump().catch((error: unknown) => ended.abort(error));
  try {
    let handedOn = 0;
    let nextMs = Number.NEGATIVE_INFINITY;
    for (;;) {
      if ((await arrived.take(ended.signal)) <= handedOn) continue;
      const waitMs = nextMs - clock.nowMs();
      // What has arrived while the reader worked for longer than the interval is a burst too.
      await (waitMs > 0 ? clock.sleep(waitMs, ended.signal) : clock.turn());
      handedOn = arrivals;
      const state = read();
      nextMs = clock.nowMs() + intervalMs(state);
      yield state;
    }
  } finally {
    ended.abort();
    await pumped;
  }
}
