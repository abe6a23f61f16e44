/**
 * A process that outlives a test run: when the run's end of the pipe closes, as at any death of the run, it ends the
 * run's processes and removes its namespaces and directories. Arguments: the run's mark, and the earlier state of the
 * machine as JSON.
 */
import { once } from "node:events";
import { rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { unmountBelow } from "../../../src/lab/disk.ts";
import { deleteNamespaces } from "../../../src/lab/namespaces.ts";
import { LABS, type MachineState, markedProcesses, observeMachine } from "./machine.ts";

/** A program in the middle of its start creates its objects within this time. */
const STRAGGLERS_MS = 200;

async function sweep(mark: string, before: MachineState): Promise<void> {
  for (const { pid } of markedProcesses(mark)) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It has ended meanwhile.
    }
  }
  const now = await observeMachine();
  const isNew = (old: readonly string[]) => (name: string) => !old.includes(name);
  await deleteNamespaces(now.namespaces.filter(isNew(before.namespaces)));
  for (const name of now.labs.filter(isNew(before.labs))) {
    await unmountBelow(`${LABS}/${name}`);
    rmSync(`${LABS}/${name}`, REMOVE);
  }
  for (const name of now.directories.filter(isNew(before.directories))) rmSync(`${tmpdir()}/${name}`, REMOVE);
}

const REMOVE = { recursive: true, force: true } as const;

const [mark = "", before = "{}"] = process.argv.slice(2);
if (mark === "") throw new Error("the guard needs the mark of a run");
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});
process.stdin.resume();
await once(process.stdin, "close");
await sweep(mark, JSON.parse(before) as MachineState);
await sleep(STRAGGLERS_MS);
await sweep(mark, JSON.parse(before) as MachineState);
