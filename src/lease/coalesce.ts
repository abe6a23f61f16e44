/** Turns a stream of changes into a stream of states: what comes after a quiet time at once, a burst as one. */
import type { Clock } from "../runtime/clock.ts";
import { Latest } from "../runtime/latest.ts";

/** States are handed on no closer to each other than this. */
export const COALESCE_MS = 50;

/**
 * @param changes endless, ends by throwing; each item says only that `read` would now give something else
 * @param read the present state, called once per burst
 */
export async function* coalesced<T>(
  changes: (signal: AbortSignal) => AsyncIterable<unknown>,
  read: () => T,
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
    let handedOnMs = Number.NEGATIVE_INFINITY;
    for (;;) {
      if ((await arrived.take(ended)) <= handedOn) continue;
      const waitMs = handedOnMs + COALESCE_MS - clock.nowMs();
      if (waitMs > 0) await clock.sleep(waitMs, ended);
      handedOn = arrivals;
      handedOnMs = clock.nowMs();
      yield read();
    }
  } finally {
    stop.abort();
    await pumped;
  }
}
