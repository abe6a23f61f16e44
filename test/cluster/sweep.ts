/** Removes what a cluster whose program has ended leaves: namespaces, mounts and processes have gone with the program. */
import { readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { abandonedCgroups, removeCgroup } from "./cgroups.ts";
import { CLUSTER_VARIABLE } from "./machine.ts";
import { processesMarked, signalProcess } from "./process-tree.ts";
import { CLUSTER_NAME, type ClusterRecord, readRecords, removeRecord } from "./records.ts";

/** Something may still be written by what is just being ended. */
const RETRIES = 50;

export async function sweep({ name, directory }: ClusterRecord, signal: AbortSignal): Promise<void> {
  // A program that was killed while it started something has not tied that to itself yet.
  for (const pid of await processesMarked(`${CLUSTER_VARIABLE}=${name}`)) signalProcess(pid, "SIGKILL");
  await removeCgroup(`/${name}`, signal);
  await rm(directory, { recursive: true, force: true, maxRetries: RETRIES, retryDelay: 50 });
  await removeRecord(name);
}

/** What no record tells of: records are lost with /run. Only cgroups without a process, and directories of nobody's. */
export async function sweepUnrecorded(signal: AbortSignal): Promise<string[]> {
  const recorded = new Set((await readRecords()).map(({ name }) => name));
  const cgroups = (await abandonedCgroups(CLUSTER_NAME)).filter((name) => !recorded.has(name));
  for (const name of cgroups) await removeCgroup(`/${name}`, signal);
  const entries = await readdir(tmpdir());
  const directories = entries.filter((name) => CLUSTER_NAME.test(name) && !recorded.has(name));
  for (const name of directories) await rm(join(tmpdir(), name), { recursive: true, force: true });
  return [...new Set([...cgroups, ...directories])];
}
