/** Programs that go on when the lab's own process ends; whoever comes later finds them in their namespace. */
import { spawn } from "node:child_process";
import { open, readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { TweedError } from "../runtime/error.ts";
import { inNamespace, processesIn } from "./namespaces.ts";

export type StopSignal = "SIGTERM" | "SIGKILL";

/**
 * Starts a program in a namespace, detached, its output appended to a file. `ip netns exec` becomes the program,
 * so the number returned is the program's own.
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

/** Signals a program of the namespace and waits until it has ended. @throws TweedError `program-alive` */
export async function stopProcess(
  namespace: string,
  pid: number,
  signal: StopSignal,
  timeoutMs: number,
): Promise<void> {
  if (isAlive(pid)) process.kill(pid, signal);
  for (let waitedMs = 0; waitedMs < timeoutMs; waitedMs += 10) {
    // A child that has ended stays a zombie until its parent looks; its namespace no longer lists it.
    if (!isAlive(pid) || !(await processesIn(namespace)).includes(pid)) return;
    await sleep(10);
  }
  throw new TweedError({
    code: "program-alive",
    operation: `stop process ${pid} in ${namespace} with ${signal}`,
    reason: `it is still there after ${timeoutMs} ms`,
  });
}

const LOOK_EVERY_MS = 50;
const LAST_LINES = 5;

/** Waits until the program's log has a text. @throws TweedError `not-ready` with the log's last lines */
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
    reason: `it does not serve:\n${tail}`,
  });
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // 0 is no process: it stands for the caller's whole group (kill(2)).
    return pid > 0;
  } catch {
    return false;
  }
}
