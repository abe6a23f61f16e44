import { printable } from "../runtime/printable.ts";

/** The process as a command sees it. */
export interface Io {
  /** Writes a line to standard output. */
  say(line: string): void;
  /** Writes a line to standard error. */
  complain(line: string): void;
  /** Writes the output of a program that the user called, unchanged. */
  relay(output: { readonly stdout: string; readonly stderr: string }): void;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The command that starts this program again: interpreter and bundle. */
  readonly self: readonly string[];
  /** Aborts on SIGINT and SIGTERM; a second signal ends the process at once. */
  readonly signal: AbortSignal;
}

/** Escapes control characters: parts of the lines come from other programs. */
export function withPrintableLines(io: Io): Io {
  return {
    ...io,
    say: (line) => io.say(printable(line)),
    complain: (line) => io.complain(printable(line)),
  };
}

/** The streams of this process. A command continues when they have no reader, or their disk is full. */
export interface ProcessIo extends Io {
  /** Why standard output is incomplete; null when it is complete, and when its reader closed it (EPIPE). */
  outputFault(): Error | null;
}

export function processIo(): ProcessIo {
  const stop = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    process.once(name, () => stop.abort(new Error(`stopped by ${name}`)));
  }
  let fault: Error | null = null;
  const onFault = (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") fault ??= error;
  };
  return {
    say: (line) => write(process.stdout, line, onFault),
    // There is no stream left to report this error.
    complain: (line) => write(process.stderr, line, () => {}),
    relay({ stdout, stderr }) {
      if (stdout !== "") write(process.stdout, stdout.trimEnd(), onFault);
      if (stderr !== "") write(process.stderr, stderr.trimEnd(), () => {});
    },
    outputFault: () => fault,
    environment: process.env,
    self: [process.execPath, process.argv[1] ?? ""],
    signal: stop.signal,
  };
}

/** Opens a stream only when needed: Node makes its descriptor non-blocking, for the log as well. */
function write(stream: NodeJS.WriteStream, line: string, onFault: (error: Error) => void): void {
  if (stream.listenerCount("error") === 0) stream.on("error", onFault);
  stream.write(`${line}\n`);
}
