import { systemClock } from "../src/runtime/clock.ts";
import { readUsage } from "./usage.ts";

/** Time for which the load of other programs is measured, between measurements. */
const LOOK_MS = 300;

/** The number of cores busy with other programs. */
export async function coresOfOthers(signal: AbortSignal): Promise<number> {
  const before = await readUsage([]);
  const startMs = systemClock.nowMs();
  await systemClock.sleep(LOOK_MS, signal);
  const seconds = (systemClock.nowMs() - startMs) / 1000;
  return ((await readUsage([])).machineCpuS - before.machineCpuS) / seconds;
}
