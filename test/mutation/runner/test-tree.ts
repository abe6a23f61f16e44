/** Collects the tests of a file with the real `describe` and `test`, once; they can be run any number of times. */
import { pathToFileURL } from "node:url";
import type { File, Suite, Test, VitestRunner } from "@vitest/runner";

/** No bound: the machine may be busy, and execution.ts finds out whether a test has no end. */
const TEST_TIMEOUT_MS = 86_400_000;

export async function collectFile(path: string, root: string): Promise<File> {
  const { collectTests } = await import("@vitest/runner");
  const [file] = await collectTests([path], importer(root));
  if (file === undefined) throw new Error(`no tests collected from ${path}`);
  const [error] = file.result?.errors ?? [];
  if (error !== undefined) throw new Error(`${path}: ${error.message}\n${error.stack ?? ""}`);
  return file;
}

/** The tests of a file, in its order, each with its full name. */
export function* testsOf(
  suite: Suite,
  prefix = "",
): Generator<{ readonly test: Test; readonly name: string }> {
  for (const task of suite.tasks) {
    const name = `${prefix}${task.name}`;
    if (task.type === "suite") yield* testsOf(task, `${name} `);
    else if (task.mode === "run" || task.mode === "queued") yield { test: task, name };
  }
}

function importer(root: string): VitestRunner {
  return {
    config: {
      root,
      name: undefined,
      setupFiles: [],
      passWithNoTests: false,
      testNamePattern: undefined,
      allowOnly: false,
      sequence: { seed: 0, hooks: "stack", setupFiles: "list" },
      chaiConfig: undefined,
      maxConcurrency: 1,
      testTimeout: TEST_TIMEOUT_MS,
      hookTimeout: TEST_TIMEOUT_MS,
      retry: 0,
      includeTaskLocation: true,
      tags: [],
      tagsFilter: undefined,
      strictTags: false,
    },
    trace: (_name: string, attributes: unknown, callback?: () => unknown) =>
      (callback ?? (attributes as () => unknown))(),
    importFile: (path: string) => import(pathToFileURL(path).href),
  } as VitestRunner;
}
