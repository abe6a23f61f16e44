/** Removes the leftovers of a cluster whose program has ended; namespaces, mounts and processes have ended with it. */
import { readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { abandonedCgroups, removeCgroup } from "./cgroups.ts";
import { CLUSTER_VARIABLE } from "./machine.ts";
import { processesMarked, signalProcess } from "./process-tree.ts";
import { CLUSTER_NAME, type ClusterRecord, readRecords, removeRecord } from "./records.ts";

/** Processes that are ending may still write. */
const RETRIES = 50;

export async function sweep({ name, directory }: ClusterRecord, signal: AbortSignal): Promise<void> {
  // A program killed during a start had not yet bound the new process to its own end.
  for (const pid of await processesMarked(`${CLUSTER_VARIABLE}=${name}`)) signalProcess(pid, "SIGKILL");
  await removeCgroup(`/${name}`, signal);
  await rm(directory, { recursive: true, force: true, maxRetries: RETRIES, retryDelay: 50 });
  await removeRecord(name);
}

/**
 * Removes leftovers without a record, since records are lost with /run: only cgroups without a process, and directories
 * without an owner.
 */
export async function sweepUnrecorded(signal: AbortSignal): Promise<string[]> {
  const recorded = new Set((await readRecords()).map(({ name }) => name));
  const cgroups = (await abandonedCgroups(CLUSTER_NAME)).filter((name) => !recorded.has(name));
  for (const name of cgroups) await removeCgroup(`/${name}`, signal);
  const entries = await readdir(tmpdir());
  const directories = entries.filter((name) => CLUSTER_NAME.test(name) && !recorded.has(name));
  for (const name of directories) await rm(join(tmpdir(), name), { recursive: true, force: true });
  return [...new Set([...cgroups, ...directories])];
}
