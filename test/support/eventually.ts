import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import { DEADLINE_MS } from "./deadline.ts";

export { DEADLINE_MS };

const LOOK_EVERY_MS = 20;

/** Every matcher of `expect`, as promises. */
type Eventually = ReturnType<typeof expect.poll>;
type Matchers = Readonly<Record<string, (...wanted: readonly unknown[]) => unknown>>;

/**
 * The one way to wait, in tests and in hooks: polls until the expectation holds, and fails after {@link DEADLINE_MS}
 * with the last value. A poll that throws is repeated too. It does not report the duration: `bench:promises` measures
 * that.
 *
 *     await eventually(() => readRoutes(node)).toEqual(before);
 *     await eventually(() => readRoutes(node)).not.toContain("10.244.7.0/24");
 */
export function eventually<T>(look: () => T | Promise<T>): Eventually {
  const waiting = (isNegated: boolean) =>
    new Proxy(
      {},
      {
        get: (_target, matcher: string) => {
          if (matcher === "not") return waiting(!isNegated);
          // Awaited without a matcher it would be taken for a promise that never settles.
          if (matcher === "then") throw new Error("eventually(…) needs a matcher, such as .toEqual(…)");
          return (...wanted: readonly unknown[]) =>
            waitUntil(async () => {
              const seen = expect(await look());
              const matchers = (isNegated ? seen.not : seen) as unknown as Matchers;
              const judge = matchers[matcher];
              if (judge === undefined) throw new Error(`expect has no matcher ${matcher}`);
              judge.apply(matchers, [...wanted]);
            });
        },
      },
    );
  return waiting(false) as Eventually;
}

async function waitUntil(holds: () => Promise<void>): Promise<void> {
  const deadlineMs = performance.now() + DEADLINE_MS;
  for (;;) {
    try {
      return await holds();
    } catch (error) {
      if (performance.now() > deadlineMs) throw error;
    }
    await sleep(LOOK_EVERY_MS);
  }
}
