/** What the guest starts from, before it has mounted the machine's root. */
import { readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { type ArchiveEntry, archive, directory, file, link } from "./cpio.ts";
import type { GuestKernel } from "./kernel.ts";

/** What it needs to make a root of the machine's, as far as the kernel does not have it built in. */
const FIRST_MODULES = ["virtio_pci", "9pnet_virtio", "9p", "overlay"];
const MOUNT_POINTS = ["dev", "proc", "sys", "exchange", "machine", "written", "root", "lib/modules"];

export interface Settings {
  /** Working directory of the program. */
  readonly directory: string;
  readonly modules: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly command: readonly string[];
}

export async function initramfs(kernel: GuestKernel, busybox: string, settings: Settings): Promise<Buffer> {
  const first = kernel.modules.loadOrder(FIRST_MODULES);
  const root = join(kernel.modulesDirectory, kernel.release);
  const modules = await Promise.all(first.map(async (path) => file(path, await readFile(join(root, path)))));
  const files: ArchiveEntry[] = [
    file("bin/busybox", await readFile(busybox), 0o755),
    link("sbin/modprobe", "/bin/busybox"),
    file("init", await readFile(resolve("test/guest/init.sh")), 0o755),
    file("first-modules", first.map((path) => `${path}\n`).join("")),
    file("settings", settingsScript(kernel, settings)),
    ...modules,
  ];
  return archive([...directoriesOf(files), ...files]);
}

/** Sets the variables and arguments that init.sh takes. */
export function settingsScript(kernel: Pick<GuestKernel, "modulesDirectory">, settings: Settings): string {
  const environment = Object.entries(settings.environment).map(([name, value]) => `${name}=${value}`);
  return [
    `directory=${quoted(settings.directory)}`,
    `modules_directory=${quoted(kernel.modulesDirectory)}`,
    `modules=${quoted(settings.modules.join(" "))}`,
    `set -- ${[...environment, ...settings.command].map(quoted).join(" ")}`,
    "",
  ].join("\n");
}

/** A word that a shell takes as it is. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function directoriesOf(files: readonly ArchiveEntry[]): ArchiveEntry[] {
  const paths = new Set<string>();
  const add = (path: string): void => {
    if (path === "." || paths.has(path)) return;
    add(dirname(path));
    paths.add(path);
  };
  for (const path of MOUNT_POINTS) add(path);
  for (const { path } of files) add(dirname(path));
  return [...paths].map(directory);
}
