/** Debian's kernels, taken apart into the cache. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { TweedError } from "../../src/runtime/error.ts";
import { run } from "../../src/runtime/program.ts";
import { cached } from "../support/cache-directory.ts";
import { obtainBusybox } from "./busybox.ts";
import { searchPackages, unpackPackage } from "./debian-package.ts";
import { KernelModules } from "./kernel-modules.ts";
import { newestKernel } from "./kernel-package.ts";

export interface GuestKernel {
  /** As `uname -r` has it: "6.1.0-56-amd64". */
  readonly release: string;
  /** The file that boots. */
  readonly image: string;
  /** What /lib/modules is on a host with this kernel: it holds a directory named after the release. */
  readonly modulesDirectory: string;
  readonly modules: KernelModules;
}

/** Reading thousands of compressed modules takes a minute where the machine is busy. */
const DEPMOD_TIMEOUT_MS = 600_000;

/**
 * The kernel of this line, such as "6.12", from the cache or from Debian. To have a newer one remove it from the cache.
 * @throws TweedError `no-kernel`
 */
export async function obtainKernel(line: string, say: (line: string) => void): Promise<GuestKernel> {
  const directory = await cached(join("kernels", line), (empty) => {
    say(`unpacking Debian's kernel ${line}`);
    return unpackKernel(line, empty);
  });
  const modulesDirectory = join(directory, "lib/modules");
  const [release = ""] = await readdir(modulesDirectory);
  const read = (file: string) => readFile(join(modulesDirectory, release, file), "utf8");
  return {
    release,
    image: join(directory, `boot/vmlinuz-${release}`),
    modulesDirectory,
    modules: new KernelModules(await read("modules.dep"), await read("modules.builtin")),
  };
}

async function unpackKernel(line: string, directory: string): Promise<void> {
  const name = newestKernel(await searchPackages(`^linux-image-${line.replace(".", "\\.")}\\.`), line);
  if (name === null) {
    throw new TweedError({
      code: "no-kernel",
      operation: `look for Debian's kernel ${line}`,
      reason: `apt has no package linux-image-${line}.*-amd64; add a release of Debian to its sources that has one`,
    });
  }
  await unpackPackage(name, directory);
  // Installing the package would do this: which module needs which, and by what other names the kernel asks for them.
  const [release = ""] = await readdir(join(directory, "lib/modules"));
  await run(await obtainBusybox(), ["depmod", "-b", directory, release], { timeoutMs: DEPMOD_TIMEOUT_MS });
}
