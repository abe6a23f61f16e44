import { getEventListeners } from "node:events";
import { beforeEach, describe, expect, it } from "vitest";
import { Alarm } from "../../../src/runtime/alarm.ts";
import { SteeredClock } from "../../support/steered-clock.ts";

describe("alarm", () => {
  let clock: SteeredClock;
  let alarm: Alarm;
  let stop: AbortController;

  beforeEach(() => {
    clock = new SteeredClock();
    alarm = new Alarm(clock);
    stop = new AbortController();
  });

  /** Whether the sleep has ended by now. */
  const hasEnded = async (sleep: Promise<void>) => {
    const pending = Symbol();
    const first = await Promise.race([sleep, clock.turn().then(() => pending)]);
    return first !== pending;
  };

  const expectNothingLeft = () => {
    expect(clock.sleepers).toBe(0);
    expect(getEventListeners(stop.signal, "abort")).toHaveLength(0);
  };

  it("sleeps until the time has come", async () => {
    const sleep = alarm.sleep(50, stop.signal);
    clock.advance(49);
    expect(await hasEnded(sleep)).toBe(false);
    clock.advance(1);
    expect(await hasEnded(sleep)).toBe(true);
    expectNothingLeft();
  });

  it("wakes when it rings, and no timer remains", async () => {
    const sleep = alarm.sleep(Number.POSITIVE_INFINITY, stop.signal);
    expect(await hasEnded(sleep)).toBe(false);
    alarm.ring();
    expect(await hasEnded(sleep)).toBe(true);
    expectNothingLeft();
  });

  it("ends the next sleep at once, and that one only, when it has rung before", async () => {
    alarm.ring();
    expect(await hasEnded(alarm.sleep(50, stop.signal))).toBe(true);
    expect(await hasEnded(alarm.sleep(50, stop.signal))).toBe(false);
  });

  it("does not end the next sleep when it has rung twice in this one", async () => {
    const sleep = alarm.sleep(50, stop.signal);
    alarm.ring();
    alarm.ring();
    await sleep;
    expect(await hasEnded(alarm.sleep(50, stop.signal))).toBe(false);
  });

  it("rejects with the signal's reason, and no timer remains", async () => {
    const sleep = alarm.sleep(50, stop.signal);
    stop.abort(new Error("stopped"));
    await expect(sleep).rejects.toThrow("stopped");
    await expect(alarm.sleep(50, stop.signal)).rejects.toThrow("stopped");
    expectNothingLeft();
  });

  it("asks for no longer timer than Node.js has", async () => {
    void alarm.sleep(Number.POSITIVE_INFINITY, stop.signal);
    expect(clock.sleepsMs).toEqual([2 ** 31 - 1]);
  });
});
