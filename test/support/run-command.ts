import { type Io, processIo } from "../../src/cli/io.ts";
import { messageOf, TweedError } from "../../src/runtime/error.ts";

/** Ends the process with the code that the command returns; when it throws, with 1 (2 for wrong usage) and the reason. */
export async function runCommand(command: (io: Io) => Promise<number>): Promise<void> {
  const io = processIo();
  try {
    process.exitCode = await command(io);
  } catch (error) {
    io.complain(messageOf(error));
    process.exitCode = error instanceof TweedError && error.code === "usage" ? 2 : 1;
  }
}
