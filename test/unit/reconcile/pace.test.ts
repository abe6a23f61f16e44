import { expect, test } from "vitest";
import { Pace } from "../../../src/kernel/reconcile/pace.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";

test("repairs go at full speed until there are too many, then down to one a second", () => {
  const pace = new Pace({ clock: new VirtualClock(), gatherMs: 10 });
  const waits: number[] = [];
  for (let repair = 0; repair < 26; repair++) {
    pace.slowDown();
    waits.push(pace.waitMs);
  }
  expect(waits.slice(0, 16)).toEqual(new Array(16).fill(10));
  expect(waits.slice(16)).toEqual([20, 40, 80, 160, 320, 640, 1000, 1000, 1000, 1000]);
  expect(pace.isContested).toBe(true);
});

test("quiet seconds count", async () => {
  const clock = new VirtualClock();
  const pace = new Pace({ clock, gatherMs: 10 });
  for (let repair = 0; repair < 20; repair++) pace.slowDown();
  expect(pace.waitMs).toBe(160);
  await clock.sleep(5000);
  expect(pace.waitMs).toBe(10);
  expect(pace.isContested).toBe(false);
});

test("a repair every two seconds is never slowed down", async () => {
  const clock = new VirtualClock();
  const pace = new Pace({ clock, gatherMs: 10 });
  for (let repair = 0; repair < 100; repair++) {
    pace.slowDown();
    expect(pace.waitMs).toBe(10);
    await clock.sleep(2000);
  }
});
