/** The entry point; the only place that exits the process. */
import "./cli/thread-pool.ts";

import { basename } from "node:path";
import { runCommandLine } from "./cli/commands.ts";
import { EXIT } from "./cli/exit-code.ts";
import { processIo } from "./cli/io.ts";
import { messageOf } from "./runtime/error.ts";

const io = processIo();
const program = basename(process.argv[1] ?? "tweed");
runCommandLine(program, process.argv.slice(2), io).then(
  (exitCode) => {
    const fault = io.outputFault();
    if (fault !== null) io.complain(`tweed: write standard output: ${messageOf(fault)}`);
    process.exit(fault !== null && exitCode === EXIT.ok ? EXIT.failed : exitCode);
  },
  (error: unknown) => {
    // A bug: expected errors have become exit codes before.
    io.complain(error instanceof Error ? (error.stack ?? error.message) : String(error));
    process.exit(70);
  },
);
