/** Network namespaces by name, through iproute2. */
import { readdir } from "node:fs/promises";
import { execute, run } from "../runtime/program.ts";

/** iproute2's named namespaces. */
const NAMESPACE_DIRECTORY = "/run/netns";

export async function listNamespaces(prefix: string): Promise<string[]> {
  try {
    return (await readdir(NAMESPACE_DIRECTORY)).filter((name) => name.startsWith(prefix));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

export async function createNamespace(name: string): Promise<void> {
  await run("ip", ["netns", "add", name]);
  await ipBatch(name, ["link set lo up"]);
}

/** Runs lines of iproute2's own syntax in the namespace, all in one process, stopping at the first that fails. */
export async function ipBatch(namespace: string, lines: readonly string[]): Promise<void> {
  await run("ip", ["-n", namespace, "-batch", "-"], { input: `${lines.join("\n")}\n` });
}

/** @param settings paths below /proc/sys and their values */
export async function writeSysctls(
  namespace: string,
  settings: Readonly<Record<string, string>>,
): Promise<void> {
  for (const [path, value] of Object.entries(settings)) {
    await run("ip", inNamespace(namespace, ["tee", `/proc/sys/${path}`]), { input: value });
  }
}

/** Arguments of `ip` that run a command in a namespace. */
export function inNamespace(namespace: string, command: readonly string[]): string[] {
  return ["netns", "exec", namespace, ...command];
}

export async function processesIn(namespace: string): Promise<number[]> {
  const { stdout } = await execute("ip", ["netns", "pids", namespace]);
  return stdout.split(/\s+/).filter(Boolean).map(Number);
}

/** Deletes the namespaces and ends the processes in them; a namespace that is already gone is no error. */
export async function deleteNamespaces(names: readonly string[]): Promise<void> {
  for (const name of names) {
    for (const pid of await processesIn(name)) killIfAlive(pid);
  }
  await Promise.all(names.map((name) => execute("ip", ["netns", "delete", name])));
}

function killIfAlive(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
