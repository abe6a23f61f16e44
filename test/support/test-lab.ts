/** Labs for tests, of the built bundle: one for each file or scenario, always removed. */
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { afterAll, afterEach, beforeAll } from "vitest";
import { daemonLog } from "../../src/lab/daemon.ts";
import { Lab } from "../../src/lab/lab.ts";
import type { LabNode, LabSpec } from "../../src/lab/topology.ts";
import { execute, type ProgramResult } from "../../src/runtime/program.ts";

/** The command line of tweed. */
export const TWEED: readonly string[] = [process.execPath, resolve("dist/tweed.cjs")];

export { isLongRun } from "./long-run.ts";

const LOG_LINES = 12;

export interface TestLab {
  /** Throws before the lab is built and after a failed build. */
  readonly lab: Lab;
  /** Its nodes, as many as the test requested. */
  node(number: number): LabNode;
}

/** Builds the lab before the tests of the enclosing suite and removes it after them. */
export function useLab(
  spec: LabSpec,
  extraFlags: readonly string[] = [],
  nodeFlags: Readonly<Record<string, readonly string[]>> = {},
): TestLab {
  let built: Lab | null = null;
  const theLab = () => {
    if (built === null) throw new Error(`lab ${spec.name} is not up`);
    return built;
  };
  beforeAll(async () => {
    built = await Lab.up(spec, { tweed: TWEED, extraFlags, nodeFlags });
  });
  afterEach(async ({ task }) => {
    if (task.result?.state === "fail" && built !== null) console.log(await lastWords(built));
  });
  afterAll(() => Lab.down(spec.name));
  return {
    get lab() {
      return theLab();
    },
    node: (number) => nodeOf(theLab(), number),
  };
}

/** The node of this number, counted from 1. */
export function nodeOf(lab: Lab, number: number): LabNode {
  const node = lab.nodes[number - 1];
  if (node === undefined) throw new Error(`lab ${lab.spec.name} has no node ${number}`);
  return node;
}

/** A command, such as a benchmark, takes many times as long on a busy machine. */
const TIMEOUT_MS = 900_000;

/** Runs tweed on a node, or in the namespace of this test. */
export function tweed(args: readonly string[], namespace: string | null = null): Promise<ProgramResult> {
  const command = [...TWEED, ...args];
  return namespace === null
    ? execute(process.execPath, command.slice(1), { timeoutMs: TIMEOUT_MS })
    : execute("ip", ["netns", "exec", namespace, ...command], { timeoutMs: TIMEOUT_MS });
}

async function lastWords(lab: Lab): Promise<string> {
  const logs = lab.nodes.map(async (node) => {
    const lines = (await readFile(daemonLog(node), "utf8")).trimEnd().split("\n").slice(-LOG_LINES);
    return [`log of ${node.name}, lab ${lab.spec.name}:`, ...lines].join("\n");
  });
  return (await Promise.all(logs)).join("\n");
}
