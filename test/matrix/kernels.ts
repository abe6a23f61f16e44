/**
 * Whether Tweed works on Debian's kernels: `npm run test:kernels [line…]`. Each is started as a guest that runs the smoke
 * program; ends with a table, and with 1 when something failed.
 */
import type { Io } from "../../src/cli/io.ts";
import { requirePrograms } from "../../src/lab/requirements.ts";
import { messageOf } from "../../src/runtime/error.ts";
import { runInGuest } from "../guest/guest.ts";
import { type GuestKernel, obtainKernel } from "../guest/kernel.ts";
import { CHECK_TITLES } from "../smoke/scenes.ts";
import { runCommand } from "../support/run-command.ts";
import { type Column, isClean, outcomesIn, report } from "./report.ts";

const LINES = ["6.1", "6.12"];
/** Some four minutes on a machine at rest, and five times that on one that is busy. */
const TIMEOUT_MS = 3_600_000;

await runCommand(async (io) => {
  await requirePrograms(["ip", "bridge", "nft", "iptables", "qemu-system-x86_64"], io.complain);
  const chosen = process.argv.slice(2);
  const kernels: GuestKernel[] = [];
  for (const line of chosen.length > 0 ? chosen : LINES) kernels.push(await obtainKernel(line, io.complain));

  const columns: Column[] = [];
  for (const kernel of kernels) columns.push(await testOn(kernel, io));
  io.say(`\n${report(CHECK_TITLES, columns)}`);
  return isClean(CHECK_TITLES, columns) ? 0 : 1;
});

async function testOn(kernel: GuestKernel, { say, signal }: Io): Promise<Column> {
  const place = `Linux ${kernel.release}`;
  say(`\n# ${place}`);
  let output = "";
  const onOutput = (text: string) => {
    output += text;
    process.stdout.write(text);
  };
  const command = [process.execPath, "dist/smoke.mjs"];
  try {
    await runInGuest(kernel, { command, modules: [], timeoutMs: TIMEOUT_MS, onOutput, signal });
  } catch (error) {
    // What was printed until then counts; the other kernel is tried all the same.
    signal.throwIfAborted();
    say(messageOf(error));
  }
  return { place, outcomes: outcomesIn(output) };
}
