/**
 * A test runner for Stryker that loads the tests once and runs those of each mutant in its own process. Stryker's runner
 * for vitest starts a thread for each mutant and loads all modules again, which takes longer than the tests.
 */
import { readFile, writeFile } from "node:fs/promises";
import { register } from "node:module";
import { relative, resolve } from "node:path";
import { INSTRUMENTER_CONSTANTS, type InstrumenterContext } from "@stryker-mutator/api/core";
import {
  type CompleteDryRunResult,
  type DryRunOptions,
  type DryRunResult,
  DryRunStatus,
  determineHitLimitReached,
  type MutantRunOptions,
  type MutantRunResult,
  type TestResult,
  type TestRunner,
  type TestRunnerCapabilities,
  TestStatus,
  toMutantRunResult,
} from "@stryker-mutator/api/test-runner";
import type { File, Test } from "@vitest/runner";
import { isMissing } from "../../../src/runtime/files.ts";
import { Endless, type Outcome, runTests } from "./execution.ts";
import { collectFile, testsOf } from "./test-tree.ts";

/** The same cases in each run, so that the result of a mutant is the same tomorrow. */
const PROPERTY_SEED = 17;
/** In the sandbox: processor time of each test, for a process that takes the place of a blocked one. */
const TIMES_FILE = "test-times.json";
/** Stryker allows a hundred times as many turns of a loop as all tests need together, which takes a minute. */
const HIT_LIMIT_DIVISOR = 10;
/** No test waits in real time for so long, unless the machine is busy: the first run, without a mutant, has no limit. */
const MAX_IDLE_MS = 2_000;
/** Leaves out long tests, for a quick first look. */
const MAX_TEST_MS = Number(process.env.TWEED_MUTATION_MAX_TEST_MS ?? Number.POSITIVE_INFINITY);

/** Read and written by the instrumented code. */
type Instrumenter = { [Key in keyof InstrumenterContext]: InstrumenterContext[Key] | undefined };

interface Collected {
  readonly file: File;
  readonly idOf: ReadonlyMap<Test, string>;
}

export class InProcessTestRunner implements TestRunner {
  readonly #instrumenter: Instrumenter = {};
  readonly #collected = new Map<string, Collected>();
  readonly #strayErrors: unknown[] = [];
  #cpuMs: Record<string, number> = {};

  constructor() {
    Object.assign(globalThis, { [INSTRUMENTER_CONSTANTS.NAMESPACE]: this.#instrumenter });
  }

  /** No mutant is active while modules are loaded, as static ones are ignored, so none makes a reload necessary. */
  capabilities(): TestRunnerCapabilities {
    return { reloadEnvironment: true };
  }

  async init(): Promise<void> {
    process.setSourceMapsEnabled(true);
    register("./mutation-typescript-hooks.mjs", import.meta.url);
    await imitateWorker();
    const { default: fc } = await import("fast-check");
    // The smallest example would take longer than the first.
    fc.configureGlobal({ seed: PROPERTY_SEED, endOnFailure: true });
    for (const event of ["unhandledRejection", "uncaughtException"])
      process.on(event, (error) => this.#strayErrors.push(error));
    try {
      this.#cpuMs = JSON.parse(await readFile(TIMES_FILE, "utf8"));
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }

  async dryRun({ testFiles = [] }: DryRunOptions): Promise<DryRunResult> {
    const tests: TestResult[] = [];
    for (const path of testFiles) {
      const { file, idOf } = await this.#collect(path);
      await runTests(file, {
        isWanted: (test) => idOf.has(test),
        beforeTest: (test) => {
          this.#instrumenter.currentTestId = idOf.get(test);
        },
        maxCpuMs: () => Number.POSITIVE_INFINITY,
        maxIdleMs: Number.POSITIVE_INFINITY,
        onOutcome: (outcome) => {
          const id = idOf.get(outcome.test) ?? "";
          this.#cpuMs[id] = outcome.cpuMs;
          tests.push(resultOf(id, outcome));
          this.#instrumenter.currentTestId = undefined;
          return true;
        },
      });
    }
    await writeFile(TIMES_FILE, JSON.stringify(this.#cpuMs));
    const { mutantCoverage } = this.#instrumenter;
    const complete: CompleteDryRunResult = { status: DryRunStatus.Complete, tests };
    return mutantCoverage === undefined ? complete : { ...complete, mutantCoverage };
  }

  /** A mutant dies of the first failure, so the quickest tests come first. */
  async mutantRun(options: MutantRunOptions): Promise<MutantRunResult> {
    const { testFilter = [], activeMutant } = options;
    const hitLimit = options.hitLimit === undefined ? undefined : options.hitLimit / HIT_LIMIT_DIVISOR;
    const tests: TestResult[] = [];
    this.#strayErrors.length = 0;
    this.#instrumenter.hitCount = hitLimit === undefined ? undefined : 0;
    this.#instrumenter.hitLimit = hitLimit;
    const quickestFirst = testFilter.toSorted((one, other) => this.#timeOf(one) - this.#timeOf(other));
    for (const id of quickestFirst.filter((each) => this.#timeOf(each) <= MAX_TEST_MS)) {
      const outcome = await this.#runMutated(id, activeMutant.id);
      const timeout = determineHitLimitReached(this.#instrumenter.hitCount, hitLimit);
      if (timeout !== undefined) return toMutantRunResult(timeout);
      if (outcome.error instanceof Endless)
        return toMutantRunResult({ status: DryRunStatus.Timeout, reason: `${id} ${outcome.error.message}` });
      tests.push(resultOf(id, outcome));
      if (outcome.error !== null) break;
    }
    return toMutantRunResult({ status: DryRunStatus.Complete, tests });
  }

  async #runMutated(id: string, mutantId: string): Promise<Outcome> {
    const { file, idOf } = await this.#collect(id.slice(0, id.indexOf("#")));
    const outcomes: Outcome[] = [];
    this.#instrumenter.activeMutant = mutantId;
    try {
      await runTests(file, {
        isWanted: (test) => idOf.get(test) === id,
        beforeTest: () => {},
        maxCpuMs: () => 1_000 + 5 * this.#timeOf(id),
        maxIdleMs: MAX_IDLE_MS,
        onOutcome: (outcome) => {
          outcomes.push(outcome);
          return true;
        },
      });
      // A rejection that nothing handles is reported after the microtasks.
      await new Promise((done) => setImmediate(done));
    } catch (error) {
      // Of a hook around several tests.
      this.#strayErrors.push(error);
    } finally {
      this.#instrumenter.activeMutant = undefined;
    }
    const failed = outcomes.find(({ error }) => error !== null);
    if (failed !== undefined) return failed;
    const [stray = null] = this.#strayErrors;
    const [test] = idOf.keys();
    if (test === undefined) throw new Error(`${id}: no such test`);
    return outcomes[0] === undefined || stray !== null ? { test, error: stray, cpuMs: 0 } : outcomes[0];
  }

  #timeOf(id: string): number {
    return this.#cpuMs[id] ?? 0;
  }

  async #collect(path: string): Promise<Collected> {
    const absolute = resolve(path);
    const known = this.#collected.get(absolute);
    if (known !== undefined) return known;
    const file = await collectFile(absolute, process.cwd());
    const idOf = new Map<Test, string>();
    for (const { test, name } of testsOf(file))
      idOf.set(test, `${relative(process.cwd(), absolute)}#${name}`);
    const collected = { file, idOf };
    this.#collected.set(absolute, collected);
    return collected;
  }
}

function resultOf(id: string, { test, error, cpuMs }: Outcome): TestResult {
  const { location } = test;
  const result = {
    id,
    name: id.slice(id.indexOf("#") + 1),
    fileName: test.file.filepath,
    timeSpentMs: Math.round(cpuMs),
    ...(location && { startPosition: { line: location.line - 1, column: location.column - 1 } }),
  };
  if (error === null) return { ...result, status: TestStatus.Success };
  const failureMessage = error instanceof Error ? error.message : String(error);
  return { ...result, status: TestStatus.Failed, failureMessage };
}

/** What the package vitest reads when it is imported, as in a worker of its own. */
async function imitateWorker(): Promise<void> {
  const config = { fakeTimers: {}, snapshotOptions: {}, expect: {}, sequence: { hooks: "stack" } };
  Object.assign(globalThis, { __vitest_worker__: { config, environment: { name: "node" }, ctx: {} } });
  await import("vitest");
}
