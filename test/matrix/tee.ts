import { spawn } from "node:child_process";
import { once } from "node:events";
import type { ProgramResult } from "../../src/runtime/program.ts";

/** Runs a program to its end; what it prints is shown at once and kept. An abort ends it by SIGTERM and is thrown. */
export async function tee(
  [program = "", ...args]: readonly string[],
  environment: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<Pick<ProgramResult, "stdout" | "exitCode">> {
  signal.throwIfAborted();
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"], env: environment });
  const end = () => child.kill("SIGTERM");
  signal.addEventListener("abort", end, { once: true });
  let stdout = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
    process.stdout.write(text);
  });
  try {
    const [exitCode] = await once(child, "close");
    signal.throwIfAborted();
    return { stdout, exitCode: typeof exitCode === "number" ? exitCode : 1 };
  } finally {
    signal.removeEventListener("abort", end);
  }
}
