/** Programs that go on when the lab's own process ends; whoever comes later finds them in their namespace. */
import { spawn } from "node:child_process";
import { open } from "node:fs/promises";
import { inNamespace } from "./namespaces.ts";

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

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
