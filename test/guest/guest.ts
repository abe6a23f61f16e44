/** Runs a program on another kernel: in a virtual machine that sees the files of this one. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isAlive } from "../../src/lab/process.ts";
import { TweedError } from "../../src/runtime/error.ts";
import { obtainBusybox } from "./busybox.ts";
import { initramfs } from "./initramfs.ts";
import type { GuestKernel } from "./kernel.ts";
import { qemuCommand } from "./qemu.ts";

export interface GuestProgram {
  /** Runs as root, by this machine's path, in this process's working directory. */
  readonly command: readonly string[];
  /** What it has of variables, besides PATH and HOME. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Loaded before it starts. Devices and rules load their own; a device file such as /dev/net/tun is there only afterwards. */
  readonly modules: readonly string[];
  readonly timeoutMs: number;
  /** Is given what the program prints while it runs. */
  readonly onOutput?: (text: string) => void;
  readonly signal?: AbortSignal;
}

export interface GuestResult {
  readonly exitCode: number;
  /** What the program printed, on either channel. */
  readonly output: string;
  /** Of `modules` those that this kernel does not have. */
  readonly missingModules: readonly string[];
}

const CONSOLE_LINES = 20;

/**
 * The guest sees this machine's files but cannot change them: /run, /tmp and /var/tmp are its own, and empty. It has no
 * network but its loopback.
 *
 * @throws TweedError `guest-failed` with the console's last lines when it ends before the program, or is given up
 */
export async function runInGuest(kernel: GuestKernel, program: GuestProgram): Promise<GuestResult> {
  await sweep();
  const directory = await mkdtemp(join(tmpdir(), `${PREFIX}${process.pid}-`));
  try {
    const missingModules = kernel.modules.missing(program.modules);
    const image = await initramfs(kernel, await obtainBusybox(), {
      directory: process.cwd(),
      modules: program.modules.filter((name) => !missingModules.includes(name)),
      environment: { PATH: process.env.PATH ?? "", HOME: "/root", ...program.environment },
      command: program.command,
    });
    const machine = {
      kernelImage: kernel.image,
      initramfs: join(directory, "initramfs"),
      exchange: directory,
      console: join(directory, "console"),
    };
    await writeFile(machine.initramfs, image);
    const { output, end } = await runMachine(qemuCommand(machine), program);
    const exitCode = await readOr(join(directory, "exit-code"), null);
    if (exitCode !== null) return { exitCode: Number(exitCode), output, missingModules };
    const said = (await readOr(machine.console, "")).trimEnd().split("\n").slice(-CONSOLE_LINES).join("\n");
    throw new TweedError({
      code: "guest-failed",
      operation: `run ${program.command.join(" ")} on Linux ${kernel.release}`,
      reason: `${end}; the console's last lines:\n${said}`,
    });
  } finally {
    await rm(directory, { recursive: true });
  }
}

async function runMachine(
  [qemu = "", ...args]: readonly string[],
  { timeoutMs, onOutput, signal }: GuestProgram,
): Promise<{ readonly output: string; readonly end: string }> {
  signal?.throwIfAborted();
  const child = spawn(qemu, args, { stdio: ["ignore", "pipe", "pipe"] });
  const deadline = AbortSignal.timeout(timeoutMs);
  const stop = signal === undefined ? deadline : AbortSignal.any([deadline, signal]);
  stop.addEventListener("abort", () => child.kill("SIGKILL"), { once: true });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
    onOutput?.(text);
  });
  const complaint = await ended(child);
  signal?.throwIfAborted();
  return { output, end: deadline.aborted ? `it was given up after ${timeoutMs / 1000} s` : complaint };
}

/** What qemu said on its standard error. @throws when it cannot be started */
async function ended(child: ChildProcess): Promise<string> {
  let complaint = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    complaint += text;
  });
  const [exitCode] = await once(child, "close");
  return complaint.trim() || `qemu ended with ${exitCode}`;
}

const PREFIX = "tweed-guest-";

/** Removes directories of runs that were killed. */
async function sweep(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    if (!name.startsWith(PREFIX) || isAlive(Number.parseInt(name.slice(PREFIX.length), 10))) continue;
    await rm(join(tmpdir(), name), { recursive: true, force: true });
  }
}

async function readOr<T>(file: string, absent: T): Promise<string | T> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return absent;
    throw error;
  }
}
