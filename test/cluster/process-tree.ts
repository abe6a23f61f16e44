/** Processes by number, as proc(5) shows them. */
import { readdir, readFile } from "node:fs/promises";

/** Process numbers of a process's children. */
export async function childrenOf(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8").catch(() => "");
  return text.split(" ").filter(Boolean).map(Number);
}

/** At most 15 characters; empty for a process that has ended. */
export async function commandName(pid: number): Promise<string> {
  return (await readFile(`/proc/${pid}/comm`, "utf8").catch(() => "")).trim();
}

/** Its start time in ticks since boot: with the PID it identifies a process permanently. null when it has ended. */
export async function startTicks(pid: number): Promise<number | null> {
  const stat = await readFile(`/proc/${pid}/stat`, "latin1").catch(() => null);
  // Field 22; the second, in parentheses, may contain spaces.
  const afterName = stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
  return afterName === undefined ? null : Number(afterName[19]);
}

/** PIDs of all processes started with this variable in their environment: "NAME=value". */
export async function processesMarked(variable: string): Promise<number[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const marked = await Promise.all(
    pids.map(async (pid) => {
      const environment = await readFile(`/proc/${pid}/environ`, "latin1").catch(() => "");
      return environment.split("\0").includes(variable);
    }),
  );
  return pids.filter((_, index) => marked[index] === true).map(Number);
}

/** A process that has already ended is no error. */
export function signalProcess(pid: number, signal: "SIGTERM" | "SIGKILL"): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
