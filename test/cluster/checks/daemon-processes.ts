/** The daemons of a node as processes. */
import { readdir, readFile } from "node:fs/promises";
import type { Machine } from "../machine.ts";

/** PIDs of the daemons, as seen on the machine. */
export async function daemonPids({ root }: Machine): Promise<number[]> {
  const pids = (await readdir(`${root}/proc`)).filter((name) => /^\d+$/.test(name));
  const commands = await Promise.all(
    pids.map((pid) => readFile(`${root}/proc/${pid}/cmdline`, "utf8").catch(() => "")),
  );
  return pids.filter((_, index) => commands[index]?.includes("--kube-subnet-mgr")).map(Number);
}

/** As the kernel's OOM killer does. @throws without a daemon */
export async function killDaemon(machine: Machine): Promise<void> {
  const pids = await daemonPids(machine);
  if (pids.length === 0) throw new Error(`${machine.name} has no daemon`);
  await machine.run(["kill", "-KILL", ...pids.map(String)]);
}
