/** What a command sees of the process it runs in. */
export interface Io {
  /** Writes a line to standard output. */
  say(line: string): void;
  /** Writes a line to standard error. */
  complain(line: string): void;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The words that start this program again: interpreter and bundle. */
  readonly self: readonly string[];
  /** Aborts on SIGINT and SIGTERM; a second signal ends the process at once. */
  readonly signal: AbortSignal;
}

export function processIo(): Io {
  const stop = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    process.once(name, () => stop.abort(new Error(`stopped by ${name}`)));
  }
  return {
    say: (line) => void process.stdout.write(`${line}\n`),
    complain: (line) => void process.stderr.write(`${line}\n`),
    environment: process.env,
    self: [process.execPath, process.argv[1] ?? ""],
    signal: stop.signal,
  };
}
