/** Faults inside a daemon's process, by Node's inspector on loopback in the daemon's namespace. */
import { resolve } from "node:path";
import type { Lab } from "../../src/lab/lab.ts";
import { inNamespace } from "../../src/lab/namespaces.ts";
import type { LabNode } from "../../src/lab/topology.ts";
import { run } from "../../src/runtime/program.ts";

const PROGRAM = resolve("test/faults/inspector-client.mjs");

/** Resolves when the loop runs again: nothing else runs on its thread while the expression is evaluated. */
export async function blockEventLoop(lab: Lab, node: LabNode, ms: number): Promise<void> {
  const now = "process.hrtime.bigint()";
  const loop = `const since = ${now}; while (${now} - since < ${ms * 1e6}n); return Number(${now} - since) / 1e6;`;
  // A function: the program retains the constants of a script, and would refuse them the second time.
  const blockedMs = await evaluate(lab, node, [`(() => { ${loop} })()`]);
  if (Number(blockedMs) < ms) throw new Error(`the event loop was blocked for ${blockedMs} ms, not ${ms}`);
}

/** Ends one thread of the data plane, as an error in it would. */
export async function killUdpWorker(lab: Lab, node: LabNode): Promise<void> {
  await evaluate(lab, node, ["process.exit(1)", "worker"]);
}

/** The wall clock as the daemon sees it, in ms since 1970. */
export async function readWallClock(lab: Lab, node: LabNode): Promise<number> {
  return Number(await evaluate(lab, node, ["Date.now()"]));
}

/** @returns the expression's value as JSON; of an expression in a worker nothing is known */
async function evaluate(lab: Lab, node: LabNode, words: readonly string[]): Promise<string> {
  // node(1): SIGUSR1 starts the inspector.
  process.kill(lab.daemonPid(node), "SIGUSR1");
  return run("ip", inNamespace(node.namespace, [process.execPath, PROGRAM, ...words]));
}
