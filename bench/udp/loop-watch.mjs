/** Loaded before a daemon's own code, by `node --import`: records the longest stall of its main thread. */
import { writeFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { isMainThread } from "node:worker_threads";

const RESOLUTION_MS = 5;
/** The start is one long stall, over when the daemon is ready. */
const AFTER_MS = 5000;

if (isMainThread) {
  setTimeout(() => {
    const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
    delay.enable();
    // A sample is the time from one tick of the timer to the next.
    const note = () =>
      writeFileSync(`/run/tweed/loop-watch-${process.pid}`, String(delay.max / 1e6 - RESOLUTION_MS));
    setInterval(note, 1000).unref();
  }, AFTER_MS).unref();
}
