/**
 * Whether Tweed works on Debian's kernels: `npm run test:kernels [line…]`. Each is started as a guest that runs the smoke
 * program; ends with a table, and with 1 when something failed.
 */
import { processIo } from "../../src/cli/io.ts";
import { requirePrograms } from "../../src/lab/requirements.ts";
import { messageOf } from "../../src/runtime/error.ts";
import { runInGuest } from "../guest/guest.ts";
import { type GuestKernel, obtainKernel } from "../guest/kernel.ts";
import { CHECK_TITLES } from "../smoke/scenes.ts";
import { type Column, isClean, outcomesIn, report } from "./report.ts";

const LINES = ["6.1", "6.12"];
/** Only /dev/net/tun needs its module first; what else there is the kernel loads when it is used. */
const MODULES = ["tun"];
const TIMEOUT_MS = 1_800_000;

const { say, complain, signal } = processIo();
await requirePrograms(["ip", "bridge", "nft", "iptables", "qemu-system-x86_64"], complain);
const chosen = process.argv.slice(2);
const kernels: GuestKernel[] = [];
for (const line of chosen.length > 0 ? chosen : LINES) kernels.push(await obtainKernel(line, complain));

const columns: Column[] = [];
for (const kernel of kernels) columns.push(await testOn(kernel));
say(`\n${report(CHECK_TITLES, columns)}`);
process.exitCode = isClean(CHECK_TITLES, columns) ? 0 : 1;

async function testOn(kernel: GuestKernel): Promise<Column> {
  const place = `Linux ${kernel.release}`;
  say(`\n# ${place}`);
  let output = "";
  const onOutput = (text: string) => {
    output += text;
    process.stdout.write(text);
  };
  try {
    const { missingModules } = await runInGuest(kernel, {
      command: [process.execPath, "dist/smoke.mjs"],
      modules: MODULES,
      timeoutMs: TIMEOUT_MS,
      onOutput,
      signal,
    });
    for (const module of missingModules) say(`not on this kernel: module ${module}`);
  } catch (error) {
    // What was printed until then counts; the other kernel is tried all the same.
    signal.throwIfAborted();
    say(messageOf(error));
  }
  return { place, outcomes: outcomesIn(output) };
}
