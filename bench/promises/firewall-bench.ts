/** A host firewall that runs in a namespace, on a host with the programs of one kind. */

import { HostFirewall } from "../../src/agent/firewall/host-firewall.ts";
import { planFirewall } from "../../src/agent/firewall/plan.ts";
import { LinuxFirewall } from "../../src/kernel/firewall/access.ts";
import type { PacketOrigins } from "../../src/kernel/firewall/packet-origins.ts";
import type { RuleSet } from "../../src/kernel/firewall/rule-set.ts";
import { openLibc } from "../../src/kernel/libc/libc.ts";
import { FIREWALL_PROGRAMS, type FirewallKind, programDirectory } from "../../src/lab/firewall-programs.ts";
import { createNamespace, deleteNamespaces } from "../../src/lab/namespaces.ts";
import { namespacePrefix } from "../../src/lab/topology.ts";
import { parseIpv4, parseIpv4Prefix, parseIpv6, parseIpv6Prefix } from "../../src/net/index.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { silentLog } from "../../src/runtime/log.ts";
import { systemRandom } from "../../src/runtime/random.ts";
import { inside, LAB_NAME } from "./bench-lab.ts";
import { until } from "./wait.ts";

/** Part of the lab by its name: the guard removes it with the lab. */
const NAMESPACE = `${namespacePrefix(LAB_NAME)}fw`;

export interface RunningFirewall {
  readonly hostFirewall: HostFirewall;
  /** The namespace of the host and, meanwhile, of the main thread. */
  readonly namespace: string;
  /** Resolves when the rules are in place and a second check has found them. */
  agreed(): Promise<void>;
}

export async function withFirewall(
  kind: FirewallKind,
  resyncMs: number,
  signal: AbortSignal,
  use: (firewall: RunningFirewall) => Promise<void>,
): Promise<void> {
  const directory = await programDirectory(FIREWALL_PROGRAMS[kind]);
  const ended = new AbortController();
  try {
    await createNamespace(NAMESPACE);
    await inside(NAMESPACE, async () => {
      const access = new LinuxFirewall(await openLibc(), directory.path);
      const surroundings = { clock: systemClock, random: systemRandom, log: silentLog };
      const hostFirewall = new HostFirewall({ access, ...surroundings, resyncMs });
      const running = hostFirewall.run(ended.signal).catch((error: unknown) => {
        if (!ended.signal.aborted) throw error;
      });
      const agreed = () => until("the rules stand", () => hostFirewall.status().converged, signal);
      try {
        await use({ hostFirewall, namespace: NAMESPACE, agreed });
      } finally {
        ended.abort(new Error("measured"));
        await running;
        access.close();
      }
    });
  } finally {
    await deleteNamespaces([NAMESPACE]);
    await directory.remove();
  }
}

/** Rules of a dual-stack node that masquerades. @param origins null without a filter of forged packets */
export function nodeRules(origins: PacketOrigins | null): RuleSet {
  return planFirewall({
    options: {
      masquerade: true,
      masqueradeFullyRandom: true,
      forwardRules: true,
      forgedPackets: origins === null ? "ignore" : "drop",
    },
    networks: { v4: parseIpv4Prefix("10.42.0.0/16"), v6: parseIpv6Prefix("fd00:10:244::/56") },
    subnets: { v4: parseIpv4Prefix("10.42.1.0/24"), v6: parseIpv6Prefix("fd00:10:244:1::/64") },
    leasable: {
      v4: { first: parseIpv4("10.42.1.0"), last: parseIpv4("10.42.254.255") },
      v6: { first: parseIpv6("fd00:10:244:1::"), last: parseIpv6("fd00:10:244:fe:ffff:ffff:ffff:ffff") },
    },
    masqueradeExclusions: [],
    origins: origins ?? { vxlan: null, ipip: null, arrivals: null },
  });
}
