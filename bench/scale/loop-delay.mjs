/**
 * Loaded before a daemon's own code, by `node --import`: records the event-loop delay of its main thread, and how many
 * programs it starts. It writes both to the file that TWEED_LOOP_DELAY names, and starts anew when a file of that name
 * with ".reset" appears.
 */
import childProcess from "node:child_process";
import { existsSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { isMainThread } from "node:worker_threads";

const RESOLUTION_MS = 10;
const WRITE_EVERY_MS = 100;

const file = process.env.TWEED_LOOP_DELAY;
if (isMainThread && file !== undefined) {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  let programs = 0;
  for (const name of ["spawn", "execFile"]) {
    const original = childProcess[name];
    childProcess[name] = (...args) => {
      programs += 1;
      return original(...args);
    };
  }
  // A sample is the time from one tick of the timer to the next.
  const ms = (nanoseconds) => Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS);
  const write = () => {
    if (existsSync(`${file}.reset`)) {
      delay.reset();
      programs = 0;
      rmSync(`${file}.reset`);
    }
    const { count } = delay;
    const reading = { p50Ms: 0, p99Ms: 0, maxMs: 0, samples: count, programs };
    if (count > 0) {
      Object.assign(reading, {
        p50Ms: ms(delay.percentile(50)),
        p99Ms: ms(delay.percentile(99)),
        maxMs: ms(delay.max),
      });
    }
    writeFileSync(`${file}.new`, JSON.stringify(reading));
    renameSync(`${file}.new`, file);
  };
  setInterval(write, WRITE_EVERY_MS).unref();
}
