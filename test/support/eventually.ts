import { expect } from "vitest";

/** How long a test waits for what has to happen: far beyond what the slowest machine needs, so that only a fault exceeds it. */
export const DEADLINE_MS = 60_000;

const LOOK_EVERY_MS = 20;

/**
 * The one way to wait in tests: looks again until the expectation holds, and fails after {@link DEADLINE_MS} with what was
 * seen last. A look that throws is repeated too. How long it took is nobody's business here: `bench:promises` measures that.
 *
 *     await eventually(() => readRoutes(node)).toEqual(before);
 */
export function eventually<T>(look: () => T | Promise<T>) {
  return expect.poll(look, { timeout: DEADLINE_MS, interval: LOOK_EVERY_MS });
}
