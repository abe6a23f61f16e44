import { readFile, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { EFFECTORS } from "../../backends/effectors.ts";
import { isOwnConflist } from "../agent/cni/conflist.ts";
import { readSubnetEnv } from "../agent/cni/subnet-env.ts";
import { lastGoodConfigFile } from "../agent/configuration/last-good-config.ts";
import { HostFirewall } from "../agent/firewall/host-firewall.ts";
import { holdersFile } from "../agent/holders-file.ts";
import { identityFile } from "../agent/identity/own-identity.ts";
import { retainedBackendsFile } from "../agent/switch-over/retained-backends.ts";
import { DEFAULT_CNI_CONF } from "../config/cni-options.ts";
import { LinuxFirewall } from "../kernel/firewall/access.ts";
import { findOwnRules } from "../kernel/firewall/own-rules.ts";
import { NO_RULES } from "../kernel/firewall/rule-set.ts";
import { openLibc } from "../kernel/libc/libc.ts";
import { LinuxKernel } from "../kernel/linux-kernel.ts";
import { describeOperation } from "../kernel/objects/operation-kinds.ts";
import { DEVICE_NAME } from "../kernel/reconcile/ownership.ts";
import { planOperations } from "../kernel/reconcile/plan.ts";
import { EMPTY_STATE } from "../kernel/state.ts";
import { type Prefix, parsePrefix } from "../net/index.ts";
import { systemClock } from "../runtime/clock.ts";
import { TweedError } from "../runtime/error.ts";
import { linkedAbort } from "../runtime/linked-abort.ts";
import { silentLog } from "../runtime/log.ts";
import { nodeFiles } from "../runtime/node-files.ts";
import { systemRandom } from "../runtime/random.ts";
import { withDeadline } from "../runtime/timer.ts";
import type { Command } from "./command.ts";
import { CommandLine } from "./command-line.ts";
import { EXIT } from "./exit-code.ts";

const REMOVAL_TIMEOUT_MS = 20_000;

interface CleanupFlags {
  readonly dryRun?: true;
  readonly subnetFile: string;
  readonly cniConf: string;
  readonly network: readonly Prefix[];
}

/** The network in the subnet file, or as given, decides what is ours. Stop the daemon first, or it repairs this. */
export const cleanup: Command = (words, io) => {
  const line = new CommandLine("cleanup", "remove what Tweed owns on this host, and nothing else", io);
  line
    .command("", "")
    .option("--dry-run", "only print what would be removed")
    .option("--subnet-file <path>", "names the networks, and is removed too", "/run/flannel/subnet.env")
    .option("--cni-conf <path>", "is removed too if a daemon of Tweed's wrote it", DEFAULT_CNI_CONF)
    .option(
      "--network <cidr>",
      "a network of Tweed's, for a host without a subnet file; may be repeated",
      (text: string, earlier: readonly Prefix[]) => [...earlier, parsePrefix(text)],
      [],
    )
    .action(
      line.exitWith(async (flags: CleanupFlags) => {
        const { networks: inFile } = await readSubnetEnv(nodeFiles, flags.subnetFile);
        const networks = [...flags.network, inFile.v4, inFile.v6].filter((network) => network !== null);
        if (networks.length === 0) {
          throw new TweedError({
            code: "usage",
            operation: "find what Tweed owns",
            reason: `${flags.subnetFile} names no network, expected --network with the cluster's, for example 10.244.0.0/16`,
          });
        }
        const kernel = await LinuxKernel.open({ log: silentLog });
        const observed = await kernel.observe();
        const operations = planOperations(EMPTY_STATE, observed, { networks, deviceName: DEVICE_NAME });
        for (const operation of operations) io.say(describeOperation(operation));
        const firewall = new LinuxFirewall(await openLibc(), io.environment.PATH ?? "");
        const rules = await findOwnRules(firewall, io.signal);
        for (const rule of rules) io.say(`delete ${rule}`);
        const files = [
          ...(inFile.v4 !== null || inFile.v6 !== null ? [flags.subnetFile] : []),
          ...((await isOwnConf(flags.cniConf)) ? [flags.cniConf] : []),
        ];
        for (const file of files) io.say(`remove ${file}`);
        if (operations.length + rules.length + files.length === 0) io.say("nothing to remove");
        if (flags.dryRun) return EXIT.ok;

        const failures = (await kernel.apply(operations)).filter((outcome) => outcome !== null);
        for (const failure of failures) io.complain(failure.message);
        const remarks = rules.length === 0 ? [] : await removeRules(firewall, io.signal);
        for (const remark of remarks) io.complain(remark);
        for (const file of files) await rm(file, { force: true });
        for (const file of EFFECTORS.flatMap((effector) => effector.files))
          await rm(join(dirname(flags.subnetFile), file), { force: true });
        for (const fileBeside of [retainedBackendsFile, lastGoodConfigFile, holdersFile, identityFile])
          await rm(fileBeside(flags.subnetFile), { force: true });
        return failures.length === 0 ? EXIT.ok : EXIT.failed;
      }),
    );
  return line.run(words);
};

/** With it, a container runtime would still give pods addresses of a network that is gone. */
async function isOwnConf(path: string): Promise<boolean> {
  try {
    return isOwnConflist(await readFile(path, "utf8"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}

/**
 * A daemon of another network on this host writes its rules again at once: all share the names of rules, as in flannel.
 * @returns a sentence for each rule that is still there
 */
async function removeRules(access: LinuxFirewall, signal: AbortSignal): Promise<readonly string[]> {
  const surroundings = { clock: systemClock, random: systemRandom, log: silentLog };
  const hostFirewall = new HostFirewall({ ...surroundings, access, resyncMs: 1000 });
  hostFirewall.setDesired(NO_RULES, false);
  await withDeadline(systemClock, REMOVAL_TIMEOUT_MS, async (timeout) => {
    const ended = linkedAbort(signal, timeout);
    hostFirewall.onPass(() => ended.abort());
    await hostFirewall.run(ended.signal).catch(() => signal.throwIfAborted());
  });
  const left = await findOwnRules(access, signal);
  return left.map((rule) => `${rule} was written again: another daemon runs on this host`);
}
