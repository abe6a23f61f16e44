/** Wraps a whole test run: leftovers on the machine fail it, and the guard cleans up after a killed run. */
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { madeSince, markedProcesses, observeMachine, RUN } from "./machine.ts";

const GUARD = fileURLToPath(new URL("../../../dist/test-guard.mjs", import.meta.url));

/** @returns a function that checks and ends it; each project calls it once, and only the first call checks */
export async function guardRun(): Promise<() => Promise<void>> {
  const mark = `run-${process.pid}-${randomUUID()}`;
  const outerDirectory = tmpdir();
  // Files of other programs in the machine's temporary directory do not belong to this run.
  const directory = mkdtempSync(join(outerDirectory, "tw-run-"));
  process.env.TMPDIR = directory;
  const before = await observeMachine();
  const entryPoints = [fileURLToPath(new URL("guard.ts", import.meta.url))];
  await build({
    entryPoints,
    outfile: GUARD,
    bundle: true,
    platform: "node",
    format: "esm",
    logLevel: "warning",
  });
  const guard = spawn(process.execPath, [GUARD, mark, JSON.stringify(before)], {
    detached: true,
    stdio: ["pipe", "ignore", "inherit"],
  });
  guard.unref();
  process.env[RUN] = mark;
  let checked: Promise<void> | null = null;
  return () => {
    checked ??= check(mark, before).finally(() => {
      guard.stdin.destroy();
      process.env.TMPDIR = outerDirectory;
      rmSync(directory, { recursive: true, force: true });
    });
    return checked;
  };
}

async function check(mark: string, before: Awaited<ReturnType<typeof observeMachine>>): Promise<void> {
  const left = [
    ...markedProcesses(mark).map(({ pid, command }) => `process ${pid}: ${command}`),
    ...madeSince(before, await observeMachine()),
  ];
  if (left.length === 0) return;
  process.exitCode = 1;
  console.error(["FAILED: the tests left behind:", ...left].join("\n  "));
}
