import { readdir, readFile } from "node:fs/promises";
import { basename } from "node:path";

const DAEMONS: ReadonlySet<string> = new Set(["flanneld", "tweed", "tweed.cjs"]);

/** Process numbers of this machine's overlay daemons in any namespace: flanneld, or `tweed run`. */
export async function findDaemons(): Promise<number[]> {
  const pids = (await readdir("/proc")).map(Number).filter(Number.isInteger);
  const found = await Promise.all(
    pids.map(async (pid) => {
      // It may have ended since the directory was read.
      const words = (await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")).split("\0");
      return isDaemon(words) ? [pid] : [];
    }),
  );
  return found.flat();
}

/** @param words the program, perhaps an interpreter's, and its arguments */
export function isDaemon(words: readonly string[]): boolean {
  const at = words.slice(0, 2).findIndex((word) => DAEMONS.has(basename(word)));
  if (at < 0) return false;
  return basename(words[at] ?? "") === "flanneld" || words[at + 1] === "run";
}
