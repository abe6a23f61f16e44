/** Debian packages that are taken apart and not installed. */
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { TweedError } from "../../src/runtime/error.ts";
import { run } from "../../src/runtime/program.ts";

const DOWNLOAD_TIMEOUT_MS = 600_000;

/**
 * Names of the packages that apt has to offer, of those that match the POSIX pattern. Where it knows of none its lists may be
 * absent, as in a fresh container: as root they are fetched.
 */
export async function searchPackages(pattern: string): Promise<string[]> {
  const search = async () => {
    const found = await run("apt-cache", ["search", "--names-only", pattern]);
    return found
      .split("\n")
      .flatMap((line) => line.split(" ", 1))
      .filter(Boolean);
  };
  const names = await search();
  if (names.length > 0 || process.getuid?.() !== 0) return names;
  await run("apt-get", ["update", "-qq"], { timeoutMs: DOWNLOAD_TIMEOUT_MS });
  return search();
}

/** Unpacks the newest version that apt has to offer into the directory, which exists and is empty. */
export async function unpackPackage(name: string, directory: string): Promise<void> {
  await run("apt-get", ["download", "-qq", name], { cwd: directory, timeoutMs: DOWNLOAD_TIMEOUT_MS });
  const archives = (await readdir(directory)).filter((file) => file.endsWith(".deb"));
  const [archive] = archives;
  if (archive === undefined || archives.length > 1) {
    throw new TweedError({
      code: "program-failed",
      operation: `download the Debian package ${name}`,
      reason: `expected one archive in ${directory}, found ${archives.length}`,
    });
  }
  await run("dpkg", ["-x", archive, "."], { cwd: directory, timeoutMs: DOWNLOAD_TIMEOUT_MS });
  await rm(join(directory, archive));
}
