/** Records of running clusters for other programs: a file for each. */
import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { replaceFile } from "../../src/runtime/atomic-file.ts";
import { nodeFiles } from "../../src/runtime/node-files.ts";
import { startTicks } from "./process-tree.ts";

const RECORDS = "/run/tweed/cluster";
const SUFFIX = ".json";
/** Prefix of the names of clusters, of their directories and of their cgroups. */
export const NAME_PREFIX = "tw-cluster-";
export const CLUSTER_NAME = new RegExp(`^${NAME_PREFIX}[A-Za-z0-9]+$`);

export interface ClusterRecord {
  readonly name: string;
  /** The program that runs it. */
  readonly owner: { readonly pid: number; readonly startTicks: number | null };
  /** Directory of its files, removed with it. */
  readonly directory: string;
  /** Program and arguments of kubectl, once there is an API server. */
  readonly kubectl: readonly string[] | null;
}

export async function writeRecord(record: ClusterRecord): Promise<void> {
  await mkdir(RECORDS, { recursive: true });
  await replaceFile(nodeFiles, recordFile(record.name), JSON.stringify(record), { mode: 0o600 });
}

export async function removeRecord(name: string): Promise<void> {
  await rm(recordFile(name), { force: true });
}

export async function readRecord(name: string): Promise<ClusterRecord | null> {
  const text = await readFile(recordFile(name), "utf8").catch(() => null);
  return text === null ? null : (JSON.parse(text) as ClusterRecord);
}

export async function readRecords(): Promise<ClusterRecord[]> {
  const files = await readdir(RECORDS).catch(() => []);
  const names = files.filter((file) => file.endsWith(SUFFIX)).map((file) => file.slice(0, -SUFFIX.length));
  const records = await Promise.all(names.filter((name) => CLUSTER_NAME.test(name)).map(readRecord));
  return records.filter((record) => record !== null);
}

/** Whether the program that runs it is alive. */
export async function isOwned({ owner }: ClusterRecord): Promise<boolean> {
  const ticks = await startTicks(owner.pid);
  return ticks !== null && ticks === owner.startTicks;
}

function recordFile(name: string): string {
  return join(RECORDS, name + SUFFIX);
}
