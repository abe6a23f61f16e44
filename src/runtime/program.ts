/** Executes programs with an argument list, without a shell. */
import { execFile } from "node:child_process";
import { TweedError } from "./error.ts";

export interface ProgramResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

export interface ProgramOptions {
  readonly input?: string;
  readonly timeoutMs?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** Working directory; by default this process's. */
  readonly cwd?: string;
}

/** Runs a program to its end, whatever its exit code. @throws TweedError `program-missing`, `program-killed` */
export function execute(
  program: string,
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<ProgramResult> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      program,
      args,
      {
        encoding: "utf8",
        maxBuffer: 64 * 1024 * 1024,
        timeout: options.timeoutMs ?? 60_000,
        killSignal: "SIGKILL",
        ...(options.env === undefined ? {} : { env: { ...process.env, ...options.env } }),
        ...(options.signal === undefined ? {} : { signal: options.signal }),
        ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      },
      (error, stdout, stderr) => {
        if (error === null) return resolve({ stdout, stderr, exitCode: 0 });
        if (typeof error.code === "number") return resolve({ stdout, stderr, exitCode: error.code });
        if (options.signal?.aborted === true) return reject(options.signal.reason);
        const isMissing = error.code === "ENOENT";
        reject(
          new TweedError({
            code: isMissing ? "program-missing" : "program-killed",
            operation: `run ${program} ${args.join(" ")}`,
            reason: isMissing ? `${program} is not in the PATH` : error.message,
            cause: error,
          }),
        );
      },
    );
    // A program that exits without reading its input breaks the pipe; its exit code reports the failure.
    child.stdin?.on("error", () => {});
    child.stdin?.end(options.input ?? "");
  });
}

/** As {@link execute}, but an exit code other than 0 is an error too. @throws TweedError `program-failed` */
export async function run(
  program: string,
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<string> {
  const result = await execute(program, args, options);
  if (result.exitCode === 0) return result.stdout;
  throw new TweedError({
    code: "program-failed",
    operation: `run ${program} ${args.join(" ")}`,
    reason: `exit code ${result.exitCode}: ${result.stderr.trim() || result.stdout.trim() || "it wrote no output"}`,
  });
}
