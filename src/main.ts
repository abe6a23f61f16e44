/** Where the process starts and, alone in this project, where it ends. */
import { basename } from "node:path";
import { runCommandLine } from "./cli/commands.ts";
import { processIo } from "./cli/io.ts";

const program = basename(process.argv[1] ?? "tweed");
runCommandLine(program, process.argv.slice(2), processIo()).then(
  (exitCode) => process.exit(exitCode),
  (error: unknown) => {
    // A fault of ours: everything that can be expected has become an exit code before it gets here.
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exit(70);
  },
);
