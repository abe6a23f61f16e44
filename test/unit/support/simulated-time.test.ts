/** Many nodes live on one time line, which runs the same way each time. */
import { expect, test } from "vitest";
import { NodeClock, SimulatedTime } from "../../support/simulated-time.ts";

test("timers of all nodes fire by their times, and of those due at once the first to have asked", async () => {
  const time = new SimulatedTime();
  const fired: string[] = [];
  const sleep = async (node: string, ms: number) => {
    const clock = new NodeClock(time);
    await clock.sleep(ms);
    fired.push(`${node} at ${clock.nowMs()}`);
  };
  await Promise.all([sleep("a", 50), sleep("b", 20), sleep("c", 50), sleep("d", 0), sleep("e", 3_600_000)]);
  expect(fired).toEqual(["d at 0", "b at 20", "a at 50", "c at 50", "e at 3600000"]);
});

test("a node's wall clock steps without the others', and no interval with it", async () => {
  const time = new SimulatedTime();
  const [one, other] = [new NodeClock(time), new NodeClock(time)];
  one.stepWall(-86_400_000);
  await one.sleep(1000);
  expect(other.wallMs() - one.wallMs()).toBe(86_400_000);
  expect([one.nowMs(), other.nowMs()]).toEqual([1000, 1000]);
});

test("time stands still while a node only lets others have their turn", async () => {
  const time = new SimulatedTime();
  const clock = new NodeClock(time);
  const sleeping = clock.sleep(10);
  for (let turn = 0; turn < 20; turn++) await clock.turn();
  expect(clock.nowMs()).toBe(0);
  await sleeping;
  expect(clock.nowMs()).toBe(10);
});

test("a sleep that is aborted rejects with the reason and wakes nobody", async () => {
  const clock = new NodeClock(new SimulatedTime());
  const ended = new AbortController();
  const sleeping = clock.sleep(10, ended.signal);
  ended.abort(new Error("stopped"));
  await expect(sleeping).rejects.toThrow("stopped");
  await expect(clock.sleep(10, ended.signal)).rejects.toThrow("stopped");
  await clock.sleep(30);
  expect(clock.nowMs()).toBe(30);
});
