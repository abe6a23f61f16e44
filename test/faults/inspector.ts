/** Faults inside a daemon's process, by Node's inspector on loopback in the daemon's namespace. */
import { resolve } from "node:path";
import type { Lab } from "../../src/lab/lab.ts";
import { inNamespace } from "../../src/lab/namespaces.ts";
import type { LabNode } from "../../src/lab/topology.ts";
import { run } from "../../src/runtime/program.ts";

const PROGRAM = resolve("test/faults/inspector-client.mjs");

/** Resolves when the loop is blocked. */
export async function blockEventLoop(lab: Lab, node: LabNode, ms: number): Promise<void> {
  // The answer comes only afterwards, so the loop is blocked by a timer of its own.
  const busy = `{ const end = performance.now() + ${ms}; while (performance.now() < end); }`;
  await evaluate(lab, node, [`void setTimeout(() => ${busy}, 0)`]);
}

/** Ends one thread of the data plane, as an error in it would. */
export function killUdpWorker(lab: Lab, node: LabNode): Promise<void> {
  return evaluate(lab, node, ["process.exit(1)", "worker"]);
}

async function evaluate(lab: Lab, node: LabNode, words: readonly string[]): Promise<void> {
  // node(1): SIGUSR1 starts the inspector.
  process.kill(lab.daemonPid(node), "SIGUSR1");
  await run("ip", inNamespace(node.namespace, [process.execPath, PROGRAM, ...words]));
}
