/** The directory of downloads for tests, outside the tree. */
import { mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, dirname, join } from "node:path";
import { isAlive } from "../../src/lab/process.ts";

/** As the XDG Base Directory Specification has it: an empty variable, or a relative path in it, counts as unset. */
export function cacheDirectory(environment: NodeJS.ProcessEnv = process.env): string {
  const chosen = environment.XDG_CACHE_HOME ?? "";
  return join(chosen.startsWith("/") ? chosen : join(homedir(), ".cache"), "tweed");
}

/** The cached directory, filled if it does not exist. */
export async function cached(path: string, fill: (directory: string) => Promise<void>): Promise<string> {
  const directory = join(cacheDirectory(), path);
  await mkdir(dirname(directory), { recursive: true });
  if (!(await readdir(dirname(directory))).includes(basename(directory))) await refill(directory, fill);
  return directory;
}

/**
 * Fills the directory again, atomically: the old one stays until the new one is complete. It removes what a killed run
 * left unfinished.
 */
export async function refill(directory: string, fill: (directory: string) => Promise<void>): Promise<void> {
  const parent = dirname(directory);
  const unfinished = `.${basename(directory)}-`;
  await mkdir(parent, { recursive: true });
  for (const entry of await readdir(parent)) {
    if (!entry.startsWith(unfinished) || isAlive(Number(entry.slice(unfinished.length).split("-", 1))))
      continue;
    await rm(join(parent, entry), { recursive: true });
  }
  const fresh = await mkdtemp(join(parent, `${unfinished}${process.pid}-`));
  try {
    await fill(fresh);
    await rm(directory, { recursive: true, force: true });
    await rename(fresh, directory);
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}
