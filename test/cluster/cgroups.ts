/** The cgroups of a cluster and its nodes: one with the same path in each hierarchy of the machine. */
import { access, mkdir, readdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { waitUntil } from "../smoke/wait-until.ts";
import { signalProcess } from "./process-tree.ts";

export interface CgroupHierarchy {
  readonly path: string;
  readonly version: 1 | 2;
}

/** @param mounts text of /proc/self/mounts: "cgroup /sys/fs/cgroup/cpu cgroup rw,relatime,cpu 0 0" */
export function cgroupHierarchies(mounts: string): CgroupHierarchy[] {
  return mounts.split("\n").flatMap((line): CgroupHierarchy[] => {
    const [, path = "", type] = line.split(" ");
    if (type === "cgroup") return [{ path, version: 1 }];
    return type === "cgroup2" ? [{ path, version: 2 }] : [];
  });
}

/** @param path such as "/tw-4711/node1": each part is created, with the resources of its parent. */
export async function makeCgroup(path: string): Promise<void> {
  for (const { path: top, version } of await hierarchies()) {
    let parent = top;
    for (const name of path.split("/").filter(Boolean)) {
      const child = join(parent, name);
      if (version === 2) await passOnControllers(parent);
      await mkdir(child, { recursive: true });
      if (version === 1) await passOnCpuset(parent, child);
      parent = child;
    }
  }
}

export async function joinCgroup(path: string, pid: number): Promise<void> {
  for (const { path: top } of await hierarchies())
    await writeFile(join(top, path, "cgroup.procs"), String(pid));
}

/** Removes it with all below it, and kills remaining processes. */
export async function removeCgroup(path: string, signal: AbortSignal): Promise<void> {
  for (const { path: top } of await hierarchies()) {
    const root = join(top, path);
    await waitUntil(`remove ${root}`, signal, async () => {
      const all = await subtree(root);
      for (const group of all) {
        // Zero stands for a process that is not visible from here; kill(2) would signal this program's own group.
        for (const pid of await processesIn(group)) if (pid !== 0) signalProcess(pid, "SIGKILL");
      }
      for (const group of all.reverse()) await rmdir(group).catch(() => {});
      return (await exists(root)) ? "it still has processes" : null;
    });
  }
}

/** Names of top-level groups that match the pattern and have no process in any hierarchy. */
export async function abandonedCgroups(pattern: RegExp): Promise<string[]> {
  const names = new Set<string>();
  const used = new Set<string>();
  for (const { path: top } of await hierarchies()) {
    for (const name of (await readdir(top)).filter((each) => pattern.test(each))) {
      names.add(name);
      for (const group of await subtree(join(top, name)))
        if ((await processesIn(group)).length > 0) used.add(name);
    }
  }
  return [...names].filter((name) => !used.has(name));
}

/** Version 1: a cpuset without processors and memory accepts no process. */
async function passOnCpuset(parent: string, child: string): Promise<void> {
  for (const file of ["cpuset.cpus", "cpuset.mems"]) {
    if (!(await exists(join(child, file)))) continue;
    await writeFile(join(child, file), await readFile(join(parent, file)));
  }
}

/** Version 2: a group has the controllers that its parent delegates. */
async function passOnControllers(parent: string): Promise<void> {
  const controllers = (await readFile(join(parent, "cgroup.controllers"), "utf8"))
    .split(/\s+/)
    .filter(Boolean);
  if (controllers.length === 0) return;
  await writeFile(
    join(parent, "cgroup.subtree_control"),
    controllers.map((controller) => `+${controller}`).join(" "),
  );
}

async function hierarchies() {
  return cgroupHierarchies(await readFile("/proc/self/mounts", "utf8"));
}

/** The group and all below it, parents first. */
async function subtree(group: string): Promise<string[]> {
  const entries = await readdir(group, { withFileTypes: true }).catch(() => []);
  if (entries.length === 0) return [];
  const below = entries.filter((entry) => entry.isDirectory()).map(({ name }) => subtree(join(group, name)));
  return [group, ...(await Promise.all(below)).flat()];
}

async function processesIn(group: string): Promise<number[]> {
  const text = await readFile(join(group, "cgroup.procs"), "utf8").catch(() => "");
  return text.split("\n").filter(Boolean).map(Number);
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
