import { systemClock } from "../src/runtime/clock.ts";
import { readUsage } from "./usage.ts";

/** What other programs do is looked at for so long while nothing is measured. */
const LOOK_MS = 300;

/** How many cores are busy while this program is not. */
export async function coresOfOthers(signal: AbortSignal): Promise<number> {
  const before = await readUsage([]);
  const startMs = systemClock.nowMs();
  await systemClock.sleep(LOOK_MS, signal);
  const seconds = (systemClock.nowMs() - startMs) / 1000;
  return ((await readUsage([])).machineCpuS - before.machineCpuS) / seconds;
}
