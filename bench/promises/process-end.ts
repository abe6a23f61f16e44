import { isAlive } from "../../src/lab/process.ts";
import { until } from "./wait.ts";

/** The time from a signal to the end of the process, in ms. */
export async function timeToEnd(
  pid: number,
  killSignal: NodeJS.Signals,
  signal: AbortSignal,
): Promise<number> {
  const startedMs = performance.now();
  process.kill(pid, killSignal);
  await until(`process ${pid} ends after ${killSignal}`, () => !isAlive(pid), signal, 1);
  return performance.now() - startedMs;
}
