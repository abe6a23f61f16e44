import { describe, expect, test } from "vitest";
import { coalesced, snapshotIntervalMs } from "../../../src/lease/coalesce.ts";
import { Latest } from "../../../src/runtime/latest.ts";
import { content, lease } from "../../support/lease-fixtures.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";

const COALESCE_MS = 50;

/** A source whose changes a test makes, and what came out of it. */
function pipeline() {
  const clock = new VirtualClock();
  const stop = new AbortController();
  const wake = new Latest<number>();
  let state = 0;
  let failure: Error | null = null;
  const source = { isClosed: false };
  async function* changes(signal: AbortSignal) {
    try {
      for (;;) {
        yield await wake.take(signal);
        if (failure !== null) throw failure;
      }
    } finally {
      source.isClosed = true;
    }
  }
  const states: number[] = [];
  const done = (async () => {
    for await (const item of coalesced(
      changes,
      () => state,
      () => COALESCE_MS,
      clock,
      stop.signal,
    ))
      states.push(item);
  })();
  const change = async () => {
    wake.put(++state);
    await clock.sleep(1);
  };
  const fail = (error: Error) => {
    failure = error;
    wake.put(0);
  };
  return { clock, stop, states, done, change, fail, source };
}

describe("coalesced", () => {
  test("hands on the first state at once", async () => {
    const { change, states, stop, done } = pipeline();
    await change();
    expect(states).toEqual([1]);
    stop.abort(new Error("stop"));
    await expect(done).rejects.toThrow("stop");
  });

  test("hands on a burst as one state, its last", async () => {
    const { clock, change, states, stop, done } = pipeline();
    await change();
    for (let count = 0; count < 20; count++) {
      await change();
      await clock.sleep(COALESCE_MS / 20 - 2);
    }
    expect(states).toEqual([1]);
    await clock.sleep(COALESCE_MS);
    expect(states).toEqual([1, 21]);
    await clock.sleep(10 * COALESCE_MS);
    expect(states).toEqual([1, 21]);
    stop.abort();
    await expect(done).rejects.toThrow();
  });

  test("hands on what arrived while a slow reader worked as one state", async () => {
    const time = new VirtualClock();
    let workedMs = 0;
    const clock = {
      nowMs: () => time.nowMs() + workedMs,
      wallMs: () => time.wallMs(),
      startTimer: (ms: number, onDue: () => void) => time.startTimer(ms, onDue),
      turn: () => time.turn(),
      sleep: (ms: number, signal?: AbortSignal) => time.sleep(ms, signal),
    };
    const stop = new AbortController();
    const arrived = Array.from({ length: 100 }, (_, index) => index + 1);
    let read = 0;
    // As a stream that has received many responses, and is read one after the other.
    async function* changes() {
      for (const change of arrived) {
        read = change;
        yield await Promise.resolve(change);
      }
      await time.sleep(Number.MAX_SAFE_INTEGER, stop.signal);
    }
    const states: number[] = [];
    const interval = () => COALESCE_MS;
    const reading = (async () => {
      for await (const state of coalesced(changes, () => read, interval, clock, stop.signal)) {
        states.push(state);
        if (state === arrived.length) stop.abort(new Error("stop"));
        workedMs += 2 * COALESCE_MS;
      }
    })();
    await expect(reading).rejects.toThrow("stop");
    expect(states.length).toBeLessThanOrEqual(2);
  });

  test("hands on at once what comes after a quiet time", async () => {
    const { clock, change, states, stop, done } = pipeline();
    await change();
    await clock.sleep(COALESCE_MS);
    await change();
    expect(states).toEqual([1, 2]);
    await change();
    expect(states).toEqual([1, 2]);
    stop.abort();
    await expect(done).rejects.toThrow();
  });

  test("an endless stream of changes is handed on once per window", async () => {
    const { clock, change, states, stop, done } = pipeline();
    const startMs = clock.nowMs();
    await change();
    for (let count = 0; count < 100; count++) {
      await change();
      await clock.sleep(10);
    }
    const elapsedMs = clock.nowMs() - startMs;
    expect(states.length).toBeGreaterThan(elapsedMs / (COALESCE_MS + 10) - 2);
    expect(states.length).toBeLessThan(elapsedMs / COALESCE_MS + 2);
    stop.abort();
    await expect(done).rejects.toThrow();
  });

  test("ends with what ended the changes", async () => {
    const { change, fail, done, source } = pipeline();
    await change();
    fail(new Error("broken"));
    await expect(done).rejects.toThrow("broken");
    expect(source.isClosed).toBe(true);
  });

  test("closes its source when its reader breaks off", async () => {
    let isClosed = false;
    async function* changes(signal: AbortSignal) {
      try {
        yield;
        await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      } finally {
        isClosed = true;
      }
    }
    const states = coalesced(
      changes,
      () => 7,
      () => 0,
      new VirtualClock(),
      new AbortController().signal,
    );
    for await (const state of states) {
      expect(state).toBe(7);
      break;
    }
    expect(isClosed).toBe(true);
  });

  test("does not end where its changes do", async () => {
    const states = coalesced(
      async function* () {},
      () => 7,
      () => 0,
      new VirtualClock(),
      new AbortController().signal,
    );
    await expect(states.next()).rejects.toThrow("a stream of changes ended");
  });

  test("closes its source when it is left", async () => {
    const { stop, done, source } = pipeline();
    stop.abort(new Error("left"));
    await expect(done).rejects.toThrow("left");
    expect(source.isClosed).toBe(true);
  });
});

describe("snapshotIntervalMs", () => {
  const intervalMs = (count: number) =>
    snapshotIntervalMs({
      leases: Array.from({ length: count }, () => lease("10.5.34.0-24", 1, content("192.0.2.1"))),
      junk: [],
    });

  test.each([
    [0, 5],
    [4, 5],
    [1000, 50],
    [5000, 250],
    [20_000, 250],
  ])("%i leases: %i ms", (count, expected) => {
    expect(intervalMs(count)).toBe(expected);
  });
});
