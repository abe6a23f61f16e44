/** Runs collected tests with their hooks, in this process. */
import type { File, Suite, Test } from "@vitest/runner";

export interface Outcome {
  readonly test: Test;
  /** null: it passed. */
  readonly error: unknown;
  /** Processor time: the machine may be busy with other things. */
  readonly cpuMs: number;
}

export interface Run {
  isWanted(test: Test): boolean;
  beforeTest(test: Test): void;
  maxCpuMs(test: Test): number;
  /** A test that waits in real time for longer has no end. */
  readonly maxIdleMs: number;
  /** Returns whether to go on. */
  onOutcome(outcome: Outcome): boolean;
}

/** A mutant can make a test wait for what never comes, or turn for ever. */
export class Endless extends Error {}

const CHECK_MS = 100;

type Hook = (...args: never[]) => unknown;

/** Tests may replace it. */
const { setInterval: setRealInterval, clearInterval: clearRealInterval } = globalThis;

export async function runTests(
  file: File,
  { isWanted, beforeTest, maxCpuMs, maxIdleMs, onOutcome }: Run,
): Promise<void> {
  const { getFn, getHooks } = await import("@vitest/runner");
  let isOver = false;
  await runSuite(file);

  async function runSuite(suite: Suite): Promise<void> {
    if (!hasWanted(suite)) return;
    const hooks = getHooks(suite);
    const cleanUps: unknown[] = [];
    try {
      for (const hook of hooks.beforeAll) cleanUps.push(await call(hook, suite));
      for (const task of suite.tasks) {
        if (isOver) break;
        if (task.type === "suite") await runSuite(task);
        else if (isWanted(task)) isOver = !onOutcome(await runTest(task));
      }
    } finally {
      for (const hook of hooks.afterAll.toReversed()) await call(hook, suite);
      await cleanUp(cleanUps);
    }
  }

  function hasWanted(suite: Suite): boolean {
    return suite.tasks.some((task) => (task.type === "suite" ? hasWanted(task) : isWanted(task)));
  }

  async function runTest(test: Test): Promise<Outcome> {
    const suites = suitesAround(test);
    const started = process.cpuUsage();
    const cleanUps: unknown[] = [];
    let error: unknown = null;
    beforeTest(test);
    const body = async () => {
      for (const suite of suites)
        for (const hook of getHooks(suite).beforeEach) cleanUps.push(await call(hook, test.context, suite));
      await getFn(test)();
    };
    try {
      await within(maxCpuMs(test), maxIdleMs, body());
    } catch (thrown) {
      error = thrown ?? new Error("nothing was thrown");
    }
    try {
      for (const suite of suites.toReversed())
        for (const hook of getHooks(suite).afterEach.toReversed()) await call(hook, test.context, suite);
      await cleanUp(cleanUps);
    } catch (thrown) {
      error ??= thrown ?? new Error("nothing was thrown");
    }
    return { test, error, cpuMs: cpuMsSince(started) };
  }
}

async function within(maxCpuMs: number, maxIdleMs: number, running: Promise<void>): Promise<void> {
  const started = process.cpuUsage();
  const { idle: idleBeforeMs } = performance.eventLoopUtilization();
  let timer: NodeJS.Timeout | undefined;
  const isEndless = new Promise<never>((_, reject) => {
    timer = setRealInterval(() => {
      const idleMs = performance.eventLoopUtilization().idle - idleBeforeMs;
      if (idleMs > maxIdleMs) reject(new Endless("waits for what does not come"));
      if (cpuMsSince(started) > maxCpuMs) reject(new Endless("has no end"));
    }, CHECK_MS);
  });
  try {
    await Promise.race([running, isEndless]);
  } finally {
    clearRealInterval(timer);
  }
}

function cpuMsSince(earlier: NodeJS.CpuUsage): number {
  return process.cpuUsage(earlier).user / 1000;
}

function call(hook: Hook, ...args: readonly unknown[]): unknown {
  return hook(...(args as never[]));
}

/** A hook before tests may return what undoes it. */
async function cleanUp(returned: readonly unknown[]): Promise<void> {
  for (const undo of returned.toReversed()) if (typeof undo === "function") await undo();
}

/** Outermost first. */
function suitesAround(test: Test): readonly Suite[] {
  const suites: Suite[] = [];
  for (let suite = test.suite; suite !== undefined; suite = suite.suite) suites.unshift(suite);
  return suites[0] === test.file ? suites : [test.file, ...suites];
}
