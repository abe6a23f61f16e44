/** A directory of a lab on a disk of its own, which can fill up or become read-only. */
import { cp, mkdir, mkdtemp, open, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../runtime/program.ts";

const BLOCK_BYTES = 4096;
const FILLING = "filling";

/**
 * Covers a directory with a file system in memory that has the same files. A program that runs already may not see it:
 * `ip netns exec` gives each program a mount namespace of its own.
 */
export async function mountDisk(directory: string, bytes: number): Promise<void> {
  const copy = await mkdtemp(`${directory}-`);
  const all = { recursive: true, verbatimSymlinks: true, preserveTimestamps: true };
  try {
    await cp(directory, copy, all);
    await run("mount", ["-t", "tmpfs", "-o", `size=${bytes},mode=755`, "tmpfs", directory]);
    await mkdir(secondMount(directory));
    await run("mount", ["--bind", directory, secondMount(directory)]);
    await cp(copy, directory, all);
  } finally {
    await rm(copy, { recursive: true });
  }
}

/** For programs in every mount namespace: it is a property of the file system. */
export async function setReadOnly(disk: string, isReadOnly: boolean): Promise<void> {
  await run("mount", ["-o", `remount,${isReadOnly ? "ro" : "rw"}`, secondMount(disk)]);
}

/**
 * mount(2) makes the mount read-only together with its file system. A program that starts meanwhile has a copy of the
 * mount, which would stay read-only; so this one, which no program uses, takes the flag.
 */
function secondMount(disk: string): string {
  return `${disk}-disk`;
}

/** Writes until nothing more fits. */
export async function fillDisk(disk: string): Promise<void> {
  const file = await open(join(disk, FILLING), "w");
  try {
    for (;;) await file.write(Buffer.alloc(BLOCK_BYTES));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
  } finally {
    await file.close();
  }
}

export async function freeDisk(disk: string): Promise<void> {
  await rm(join(disk, FILLING), { force: true });
}

/** Unmounts all below a directory, the newest first. */
export async function unmountBelow(directory: string): Promise<void> {
  const text = await readFile("/proc/self/mountinfo", "utf8");
  // The fifth field of proc_pid_mountinfo(5); names of labs hold no character that it would escape.
  const places = text.split("\n").map((line) => line.split(" ")[4] ?? "");
  for (const place of places.filter((each) => each.startsWith(`${directory}/`)).reverse()) {
    await run("umount", ["--lazy", place]);
  }
}
