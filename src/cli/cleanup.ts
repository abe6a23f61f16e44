import { rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { FORWARDING_FILE } from "../../backends/udp/forwarding-memory.ts";
import { retainedBackendsFile } from "../agent/retained-backends.ts";
import { readSubnetEnv } from "../agent/subnet-env.ts";
import { LinuxKernel } from "../kernel/linux-kernel.ts";
import { describeOperation } from "../kernel/reconcile/describe.ts";
import { DEVICE_NAME } from "../kernel/reconcile/ownership.ts";
import { planOperations } from "../kernel/reconcile/plan.ts";
import { EMPTY_STATE } from "../kernel/state.ts";
import { type Prefix, parsePrefix } from "../net/index.ts";
import { TweedError } from "../runtime/error.ts";
import { silentLog } from "../runtime/log.ts";
import type { Command } from "./command.ts";
import { CommandLine } from "./command-line.ts";
import { EXIT } from "./exit-code.ts";

interface CleanupFlags {
  readonly dryRun?: true;
  readonly subnetFile: string;
  readonly network: readonly Prefix[];
}

/** What is ours is told by the network: of the subnet file, or as given. Stop the daemon first, or it heals. */
export const cleanup: Command = (words, io) => {
  const line = new CommandLine("cleanup", "remove what Tweed owns on this host, and nothing else", io);
  line
    .command("", "")
    .option("--dry-run", "only say what would be removed")
    .option("--subnet-file <path>", "names the networks, and is removed too", "/run/flannel/subnet.env")
    .option(
      "--network <cidr>",
      "a network of Tweed's, for a host without a subnet file; may be repeated",
      (text: string, earlier: readonly Prefix[]) => [...earlier, parsePrefix(text)],
      [],
    )
    .action(
      line.exitWith(async (flags: CleanupFlags) => {
        const { networks: inFile } = await readSubnetEnv(flags.subnetFile);
        const networks = [...flags.network, inFile.v4, inFile.v6].filter((network) => network !== null);
        if (networks.length === 0) {
          throw new TweedError({
            code: "usage",
            operation: "find out what is Tweed's",
            reason: `${flags.subnetFile} names no network, expected --network with the cluster's, such as 10.244.0.0/16`,
          });
        }
        const kernel = await LinuxKernel.open({ log: silentLog });
        const observed = await kernel.observe();
        const operations = planOperations(EMPTY_STATE, observed, { networks, deviceName: DEVICE_NAME });
        for (const operation of operations) io.say(describeOperation(operation));
        const hasFile = inFile.v4 !== null || inFile.v6 !== null;
        if (hasFile) io.say(`remove ${flags.subnetFile}`);
        if (operations.length === 0 && !hasFile) io.say("nothing to remove");
        if (flags.dryRun) return EXIT.ok;

        const failures = (await kernel.apply(operations)).filter((outcome) => outcome !== null);
        for (const failure of failures) io.complain(failure.message);
        if (hasFile) await rm(flags.subnetFile, { force: true });
        await rm(join(dirname(flags.subnetFile), FORWARDING_FILE), { force: true });
        await rm(retainedBackendsFile(flags.subnetFile), { force: true });
        return failures.length === 0 ? EXIT.ok : EXIT.failed;
      }),
    );
  return line.run(words);
};
