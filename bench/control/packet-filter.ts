/** The cost of the filter of forged packets with many peers, in the namespace of this process. */

import { HostFirewall } from "../../src/agent/firewall/host-firewall.ts";
import { planFirewall } from "../../src/agent/firewall/plan.ts";
import { LinuxFirewall } from "../../src/kernel/firewall/access.ts";
import type { PacketOrigins } from "../../src/kernel/firewall/packet-origins.ts";
import { NO_RULES, type RuleSet } from "../../src/kernel/firewall/rule-set.ts";
import { openLibc } from "../../src/kernel/libc/libc.ts";
import { ipFromBits, parseIpv4Prefix, prefixAddress, prefixRange } from "../../src/net/index.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { silentLog } from "../../src/runtime/log.ts";
import { systemRandom } from "../../src/runtime/random.ts";
import { PEER_NETWORK } from "./peers.ts";
import type { Steps } from "./steps.ts";

const ROUNDS = 20;
const RESYNC_MS = 60_000;

export const ONE_MORE = "packet filter, one peer more";
export const ONE_FEWER = "packet filter, one peer fewer";

/** @param fewer all peers but one */
export async function timePacketFilter(
  steps: Steps,
  all: PacketOrigins,
  fewer: PacketOrigins,
): Promise<void> {
  const access = new LinuxFirewall(await openLibc(), process.env.PATH ?? "");
  const surroundings = { clock: systemClock, random: systemRandom, log: silentLog };
  const hostFirewall = new HostFirewall({ access, ...surroundings, resyncMs: RESYNC_MS });
  const stop = new AbortController();
  const ended = hostFirewall.run(stop.signal).catch((error: unknown) => {
    if (!stop.signal.aborted) throw error;
  });
  const more = rulesFor(all);
  const less = rulesFor(fewer);
  await timeChange(steps, "packet filter, all peers", hostFirewall, less);
  for (let round = 0; round < ROUNDS; round++) {
    await timeChange(steps, ONE_MORE, hostFirewall, more);
    await timeChange(steps, ONE_FEWER, hostFirewall, less);
  }
  await timeChange(steps, "packet filter, removed", hostFirewall, NO_RULES);
  stop.abort();
  await ended;
  access.close();
}

/**
 * Measures until the rules are written; then waits, outside the measurement, until a second check has found them in
 * place.
 */
async function timeChange(
  steps: Steps,
  step: string,
  hostFirewall: HostFirewall,
  rules: RuleSet,
): Promise<void> {
  await steps.time(step, async () => {
    const written = nextPass(hostFirewall);
    hostFirewall.setDesired(rules, true);
    await written;
  });
  while (!hostFirewall.status().converged) await nextPass(hostFirewall);
}

function nextPass(hostFirewall: HostFirewall): Promise<void> {
  return new Promise((resolve) => {
    const unsubscribe = hostFirewall.onPass(() => {
      unsubscribe();
      resolve();
    });
  });
}

function rulesFor(origins: PacketOrigins): RuleSet {
  return planFirewall({
    options: { masquerade: false, masqueradeFullyRandom: true, forwardRules: false, forgedPackets: "drop" },
    networks: { v4: PEER_NETWORK, v6: null },
    leasable: {
      v4: { first: prefixAddress(PEER_NETWORK), last: ipFromBits("v4", prefixRange(PEER_NETWORK).last) },
      v6: null,
    },
    subnets: { v4: parseIpv4Prefix("10.127.254.0/24"), v6: null },
    masqueradeExclusions: [],
    origins,
  });
}
