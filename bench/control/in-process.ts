/** The steps from a snapshot to the kernel one by one, on the kernel of this process's namespace. */
import type { LocalNode } from "../../backends/backend.ts";
import { VTEP_MAC } from "../../backends/vxlan/identity.ts";
import { type NetworkPlan, networkRules, planNetwork } from "../../src/agent/network-plan.ts";
import { PlanMemory } from "../../src/agent/plan-memory.ts";
import { activateBackend } from "../../src/agent/switch-over/active-backend.ts";
import { parseNetworkConfig } from "../../src/config/network-config.ts";
import type { Kernel } from "../../src/kernel/kernel.ts";
import { LinuxKernel } from "../../src/kernel/linux-kernel.ts";
import { DEVICE_NAME, type Ownership } from "../../src/kernel/reconcile/ownership.ts";
import { planOperations } from "../../src/kernel/reconcile/plan.ts";
import { Reconciler } from "../../src/kernel/reconcile/reconciler.ts";
import type { KernelState } from "../../src/kernel/state.ts";
import type { Holders } from "../../src/lease/holders.ts";
import type { Lease, LeaseSnapshot } from "../../src/lease/lease.ts";
import { parseIpv4, parseIpv4Prefix, parseMac } from "../../src/net/index.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { silentLog } from "../../src/runtime/log.ts";
import { systemRandom } from "../../src/runtime/random.ts";
import type { Figure } from "../figures/figure.ts";
import { ONE_FEWER, ONE_MORE, timePacketFilter } from "./packet-filter.ts";
import { NETWORK_CONFIG, PEER_NETWORK, peerLease, peerLeases } from "./peers.ts";
import { Steps } from "./steps.ts";

const ROUNDS = 7;
const OWNERSHIP: Ownership = { networks: [PEER_NETWORK], deviceName: DEVICE_NAME };

const MACS = { v4: parseMac("02:ff:00:00:00:01"), v6: parseMac("02:ff:00:00:00:02") };

/** The node of the site, with the last subnet of the network. */
function localNode(): LocalNode {
  const ips = { v4: parseIpv4("198.18.1.1"), v6: null };
  return {
    iface: { name: "eth0", mtuBytes: 1500, ips },
    publicIps: ips,
    networks: { v4: PEER_NETWORK, v6: null },
    identities: new Map([[VTEP_MAC.name, { kind: "mac", macs: MACS }]]),
    underlay: [],
    subnets: { v4: parseIpv4Prefix("10.127.254.0/24"), v6: null },
  };
}

const COLD = "snapshot to kernel, cold";
const CHANGED = "snapshot with one changed peer to kernel";
const BOUNDS_MS = { [COLD]: 1500, [CHANGED]: 100, [ONE_MORE]: 50, [ONE_FEWER]: 50 };

export async function measureInProcess(peers: number): Promise<Figure[]> {
  const kernel = await LinuxKernel.open({ log: silentLog });
  const steps = new Steps();
  const leases = peerLeases(peers);
  const changed = leases.with(peers >> 1, peerLease(peers >> 1, 1));
  for (let round = 0; round < ROUNDS; round++) {
    await timeSteps(kernel, steps, leases, changed);
    await timeReconciler(kernel, steps, leases, changed);
  }
  kernel.close();
  await timePacketFilter(steps, planOf(leases).origins, planOf(leases.slice(1)).origins);
  return steps.figures(peers, peers >= 5000 ? BOUNDS_MS : {});
}

/** Only the reconciler, from a snapshot to the kernel: all peers at once, then one of them changed. */
export async function timeConvergence(
  peers: number,
  rounds: number,
): Promise<{ readonly coldMs: readonly number[]; readonly changedMs: readonly number[] }> {
  const kernel = await LinuxKernel.open({ log: silentLog });
  const steps = new Steps();
  const leases = peerLeases(peers);
  const changed = leases.with(peers >> 1, peerLease(peers >> 1, 1));
  for (let round = 0; round < rounds; round++) await timeReconciler(kernel, steps, leases, changed);
  kernel.close();
  return { coldMs: steps.samplesOf(COLD), changedMs: steps.samplesOf(CHANGED) };
}

type Leases = readonly Lease[];

async function timeSteps(kernel: Kernel, steps: Steps, leases: Leases, changed: Leases): Promise<void> {
  const bare = await kernel.observe();
  const state = await steps.time("plan", () => stateOf(leases));
  const operations = await steps.time("diff, all missing", () => planOperations(state, bare, OWNERSHIP));
  await steps.time("netlink apply, all", () => apply(kernel, operations));
  const full = await steps.time("netlink dump", () => kernel.observe());
  const next = stateOf(changed);
  const few = await steps.time("diff, one peer changed", () => planOperations(next, full, OWNERSHIP));
  await steps.time("netlink apply, one peer changed", () => apply(kernel, few));
  await removeDevice(kernel);
}

async function timeReconciler(kernel: Kernel, steps: Steps, leases: Leases, changed: Leases): Promise<void> {
  const surroundings = { clock: systemClock, random: systemRandom, log: silentLog };
  const reconciler = new Reconciler({ kernel, ownership: OWNERSHIP, ...surroundings });
  const stop = new AbortController();
  const ended = reconciler.run(stop.signal).catch((error: unknown) => {
    if (!stop.signal.aborted) throw error;
  });
  const converge = (snapshot: Leases) => {
    reconciler.setDesired(stateOf(snapshot));
    return reconciler.waitUntilConverged(stop.signal);
  };
  await steps.time(COLD, () => converge(leases));
  await steps.time(CHANGED, () => converge(changed));
  stop.abort();
  await ended;
  await removeDevice(kernel);
}

function stateOf(leases: Leases): KernelState {
  return planOf(leases).state;
}

function planOf(leases: Leases): NetworkPlan {
  const plan = networkPlanner()({ leases, junk: [] });
  if (plan.unreached.length > 0) throw new Error(`${plan.unreached.length} leases were refused`);
  return plan;
}

/** Plans one snapshot after the other, as a daemon. */
export function networkPlanner(): (snapshot: LeaseSnapshot) => NetworkPlan {
  const config = parseNetworkConfig(JSON.stringify(NETWORK_CONFIG), "benchmark");
  const backends = [activateBackend(config)];
  const node = localNode();
  const rules = networkRules(config, false);
  const memory = new PlanMemory();
  let holders: Holders | null = null;
  return (snapshot) => {
    const plan = planNetwork(snapshot, {
      node,
      ownKey: "self",
      rules,
      receiving: backends,
      published: backends,
      keepsBlackholes: false,
      checksReversePath: false,
      holders,
      memory,
    });
    holders = plan.holders;
    return plan;
  };
}

async function apply(kernel: Kernel, operations: Parameters<Kernel["apply"]>[0]): Promise<void> {
  const failures = (await kernel.apply(operations)).filter((outcome) => outcome !== null);
  const [first] = failures;
  if (first !== undefined) throw first;
}

async function removeDevice(kernel: Kernel): Promise<void> {
  await apply(kernel, [{ op: "delete-link", name: "flannel.1" }]);
}
