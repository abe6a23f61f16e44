/** Wraps every suite that changes the machine: leftovers of its tests fail it. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { listNamespaces } from "../../../src/lab/namespaces.ts";
import { eventually } from "../eventually.ts";
import { MARK, markedProcesses, RUN } from "./machine.ts";
import { type OpenThings, openedSince, openThings } from "./own-process.ts";

const mark = `${process.env[RUN]}/${process.pid}`;
const outerDirectory = tmpdir();
let ownDirectory: string;
let before: OpenThings;

beforeAll(() => {
  process.env[MARK] = mark;
  ownDirectory = mkdtempSync(join(outerDirectory, "tw-suite-"));
  process.env.TMPDIR = ownDirectory;
  before = openThings();
});

// Registered before the suite's own, so it runs after them.
afterAll(async () => {
  try {
    await eventually(whatIsLeft).toEqual([]);
  } finally {
    delete process.env[MARK];
    process.env.TMPDIR = outerDirectory;
    rmSync(ownDirectory, { recursive: true, force: true });
  }
});

async function whatIsLeft(): Promise<string[]> {
  // First, so that resources of the check itself do not count.
  const opened = openedSince(before);
  const namespaces = (await listNamespaces("tw-")).filter((name) => name.includes(`-${process.pid}-`));
  return [
    ...markedProcesses(mark).map(({ pid, command }) => `process ${pid}: ${command}`),
    ...namespaces.map((name) => `namespace ${name}`),
    ...readdirSync(ownDirectory).map((name) => `temporary directory ${name}`),
    ...opened,
  ];
}
