/**
 * Runs a program on another kernel: `npm run guest -- 6.12 --module=wireguard -- ip link add wg0 type wireguard`. Prints what
 * the program prints, and ends with its exit code.
 */
import { parseArgs } from "node:util";
import { requirePrograms } from "../../src/lab/requirements.ts";
import { runCommand } from "../support/run-command.ts";
import { runInGuest } from "./guest.ts";
import { obtainKernel } from "./kernel.ts";

await runCommand(async ({ complain, signal }) => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      module: { type: "string", multiple: true, default: [] },
      "timeout-s": { type: "string", default: "600" },
    },
  });
  const [line, ...command] = positionals;
  if (line === undefined || command.length === 0) {
    complain("usage: npm run guest -- KERNEL [--module=NAME]… [--timeout-s=N] -- PROGRAM [ARGUMENT]…");
    return 2;
  }
  await requirePrograms(["qemu-system-x86_64"], complain);
  const { exitCode, missingModules } = await runInGuest(await obtainKernel(line, complain), {
    command,
    modules: values.module,
    timeoutMs: Number(values["timeout-s"]) * 1000,
    onOutput: (text) => void process.stdout.write(text),
    signal,
  });
  for (const module of missingModules) complain(`not on this kernel: module ${module}`);
  return exitCode;
});
