import { messageOf, TweedError } from "../runtime/error.ts";
import type { Command } from "./command.ts";
import { EXIT } from "./exit-code.ts";
import type { Io } from "./io.ts";
import { isRoot } from "./root.ts";

/** Loads and runs a command. An expected error becomes a line on standard error and an exit code; a bug is thrown. */
export async function runCommand(
  load: () => Promise<Command>,
  words: readonly string[],
  io: Io,
): Promise<number> {
  try {
    const command = await load();
    return await command(words, io);
  } catch (error) {
    const reason = reasonOf(error, io.signal);
    if (reason === null) throw error;
    io.complain(`tweed: ${reason}`);
    return error instanceof TweedError && error.code === "usage" ? EXIT.usage : EXIT.failed;
  }
}

/** null for a bug. Errors of system calls, and a stop by a signal, are expected. */
function reasonOf(error: unknown, signal: AbortSignal): string | null {
  if (error instanceof TweedError) return error.message;
  if (signal.aborted) return messageOf(signal.reason);
  if (!(error instanceof Error && "syscall" in error && "code" in error)) return null;
  const isDenied = error.code === "EACCES" || error.code === "EPERM";
  return isDenied && !isRoot() ? `${error.message}; run it as root` : error.message;
}
