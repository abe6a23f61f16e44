/** Turns a stream of changes into a stream of states: what comes after a quiet time at once, a burst as one. */
import type { Clock } from "../runtime/clock.ts";
import { Latest } from "../runtime/latest.ts";
import type { LeaseSnapshot } from "./lease.ts";

const MIN_INTERVAL_MS = 5;
const MAX_INTERVAL_MS = 50;
/** About what planning for one more lease takes. */
const PER_LEASE_MS = 0.01;

/**
 * How long after this snapshot the next one may come. Both ends of a path turn when they are handed the same news,
 * and one that has just been handed other news turns later by this much: so it is no longer than the work asks for.
 */
export function snapshotIntervalMs({ leases }: LeaseSnapshot): number {
  return Math.min(MAX_INTERVAL_MS, Math.max(MIN_INTERVAL_MS, leases.length * PER_LEASE_MS));
}

/**
 * @param changes endless, ends by throwing; each item says only that `read` would now give something else
 * @param read the present state, called once per burst
 * @param intervalMs how long after this state the next one may be handed on
 */
export async function* coalesced<T>(
  changes: (signal: AbortSignal) => AsyncIterable<unknown>,
  read: () => T,
  intervalMs: (state: T) => number,
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<T, never> {
  const stop = new AbortController();
  const ended = AbortSignal.any([signal, stop.signal]);
  const arrived = new Latest<number>();
  let arrivals = 0;
  const pump = async () => {
    for await (const _ of changes(ended)) arrived.put(++arrivals);
    throw new Error("a stream of changes ended");
  };
  // Whatever ends the changes is what the reader below gets thrown.
  const pumped = pump().catch((error: unknown) => stop.abort(error));
  try {
    let handedOn = 0;
    let nextMs = Number.NEGATIVE_INFINITY;
    for (;;) {
      if ((await arrived.take(ended)) <= handedOn) continue;
      const waitMs = nextMs - clock.nowMs();
      if (waitMs > 0) await clock.sleep(waitMs, ended);
      handedOn = arrivals;
      const state = read();
      nextMs = clock.nowMs() + intervalMs(state);
      yield state;
    }
  } finally {
    stop.abort();
    await pumped;
  }
}
