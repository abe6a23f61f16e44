import { setTimeout as sleep } from "node:timers/promises";

/** On an emulated machine everything takes some twenty times as long, and longer where others keep the host busy. */
export const DEADLINE_MS = 300_000;
const LOOK_EVERY_MS = 250;

/** Looks again until nothing is wrong. @throws with what was wrong last */
export async function waitUntil(
  aim: string,
  signal: AbortSignal,
  whatIsWrong: () => Promise<string | null>,
  { lookEveryMs = LOOK_EVERY_MS, deadlineMs: afterMs = DEADLINE_MS } = {},
): Promise<void> {
  const deadlineMs = performance.now() + afterMs;
  for (;;) {
    const wrong = await whatIsWrong();
    if (wrong === null) return;
    if (performance.now() > deadlineMs) throw new Error(`${aim}: not within ${afterMs / 1000} s: ${wrong}`);
    await sleep(lookEveryMs, undefined, { signal });
  }
}
