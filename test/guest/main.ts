/**
 * Runs a program on another kernel: `npm run guest -- 6.12 --module=wireguard -- ip link add wg0 type wireguard`. Prints what
 * the program prints, and ends with its exit code.
 */
import { parseArgs } from "node:util";
import { processIo } from "../../src/cli/io.ts";
import { requirePrograms } from "../../src/lab/requirements.ts";
import { runInGuest } from "./guest.ts";
import { obtainKernel } from "./kernel.ts";

const { complain, signal } = processIo();
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    module: { type: "string", multiple: true, default: [] },
    "timeout-s": { type: "string", default: "600" },
  },
});
const [line = "", ...command] = positionals;
await requirePrograms(["qemu-system-x86_64"], complain);
const { exitCode, missingModules } = await runInGuest(await obtainKernel(line, complain), {
  command,
  modules: values.module,
  timeoutMs: Number(values["timeout-s"]) * 1000,
  onOutput: (text) => void process.stdout.write(text),
  signal,
});
for (const module of missingModules) complain(`not on this kernel: module ${module}`);
process.exitCode = exitCode;
