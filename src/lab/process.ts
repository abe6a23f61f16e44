/** Programs that outlive the lab's own process; a later process finds them in their namespace. */
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { open, readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { TweedError } from "../runtime/error.ts";
import { inNamespace } from "./namespaces.ts";

export type StopSignal = "SIGTERM" | "SIGKILL";

/**
 * Starts a program in a namespace, detached, its output appended to a file. `ip netns exec` executes the program in
 * place, so the returned number is the program's own.
 */
export async function startInNamespace(
  namespace: string,
  command: readonly string[],
  options: { readonly logFile: string; readonly env?: Readonly<Record<string, string>> },
): Promise<number> {
  const log = await open(options.logFile, "a");
  try {
    const child = spawn("ip", inNamespace(namespace, command), {
      detached: true,
      stdio: ["ignore", log.fd, log.fd],
      env: { ...process.env, ...options.env },
    });
    const pid = await new Promise<number>((resolve, reject) => {
      child.once("error", reject);
      child.once("spawn", () => resolve(child.pid ?? 0));
    });
    child.unref();
    return pid;
  } finally {
    await log.close();
  }
}

/** Signals a program and waits until it has ended. @throws TweedError `program-alive` */
export async function stopProcess(pid: number, signal: StopSignal, timeoutMs: number): Promise<void> {
  if (isAlive(pid)) process.kill(pid, signal);
  for (let waitedMs = 0; isAlive(pid); waitedMs += STOP_LOOK_EVERY_MS) {
    if (waitedMs > timeoutMs) {
      throw new TweedError({
        code: "program-alive",
        operation: `stop process ${pid} with ${signal}`,
        reason: `it is still alive after ${timeoutMs} ms`,
      });
    }
    await sleep(STOP_LOOK_EVERY_MS);
  }
}

const STOP_LOOK_EVERY_MS = 5;
const LOOK_EVERY_MS = 50;
const LAST_LINES = 5;

/** Waits until the program's log contains a text. @throws TweedError `not-ready` with the log's last lines */
export async function waitForLog(
  program: { readonly name: string; readonly pid: number; readonly logFile: string },
  text: string,
  timeoutMs: number,
): Promise<void> {
  for (let waitedMs = 0; waitedMs < timeoutMs; waitedMs += LOOK_EVERY_MS) {
    if ((await readFile(program.logFile, "utf8")).includes(text)) return;
    if (!isAlive(program.pid)) break;
    await sleep(LOOK_EVERY_MS);
  }
  const tail = (await readFile(program.logFile, "utf8")).trimEnd().split("\n").slice(-LAST_LINES).join("\n");
  throw new TweedError({
    code: "not-ready",
    operation: `start ${program.name}`,
    reason: `it is not serving:\n${tail}`,
  });
}

/** False also for a zombie: state Z of proc_pid_stat(5), with no other thread. */
export function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The state follows the name, which is in parentheses and may hold any character.
    const state = stat[stat.lastIndexOf(")") + 2];
    return state !== "Z" || readdirSync(`/proc/${pid}/task`).length > 1;
  } catch {
    return false;
  }
}
