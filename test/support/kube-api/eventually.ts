import { setTimeout as sleep } from "node:timers/promises";

/** Waits until it holds. @returns how long that took, in milliseconds */
export async function eventually(holds: () => Promise<boolean>, withinMs = 5_000): Promise<number> {
  const startedMs = performance.now();
  while (!(await holds())) {
    if (performance.now() - startedMs > withinMs) throw new Error(`it does not hold within ${withinMs} ms`);
    await sleep(20);
  }
  return performance.now() - startedMs;
}
