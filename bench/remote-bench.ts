/** The network between this machine and another, measured as one mode. */
import { requirePrograms } from "../src/lab/requirements.ts";
import type { Ip } from "../src/net/index.ts";
import { readHostFacts } from "./host-facts.ts";
import type { BenchPlan } from "./plan.ts";
import { describeBlock } from "./progress.ts";
import { askHostFacts, remoteTarget } from "./remote-target.ts";
import type { RunRecord } from "./result.ts";
import { runPlan } from "./run-plan.ts";
import type { ServerPorts } from "./server.ts";
import { describeUnderlay } from "./underlay.ts";

export async function benchTowards(
  server: { readonly ip: Ip; readonly ports: ServerPorts },
  label: string,
  plan: BenchPlan<"real">,
  tweed: readonly string[],
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<RunRecord> {
  await requirePrograms(["iperf3", "ping"], say);
  const hosts = [await readHostFacts(), await askHostFacts(server.ip, server.ports, signal)];
  const measured = await runPlan(
    plan,
    [remoteTarget(label, server.ip, server.ports, tweed, signal)],
    {
      prepare: async () => {},
      done: (block, samples, leftS) => say(describeBlock(block, plan.rounds, samples, leftS)),
    },
    signal,
  );
  return {
    hosts,
    modes: [{ name: label, about: `from this machine to ${server.ip}` }],
    underlays: [{ name: "real", about: describeUnderlay("real") }],
    ...measured,
  };
}
