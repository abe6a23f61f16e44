/** The steps from a snapshot to the kernel one by one, on the kernel of the namespace that this process is in. */
import type { LocalNode } from "../../backends/backend.ts";
import { activateBackend } from "../../src/agent/active-backend.ts";
import { networkRules, planNetwork } from "../../src/agent/network-plan.ts";
import { parseNetworkConfig } from "../../src/config/network-config.ts";
import type { Kernel } from "../../src/kernel/kernel.ts";
import { LinuxKernel } from "../../src/kernel/linux-kernel.ts";
import { DEVICE_NAME, type Ownership } from "../../src/kernel/reconcile/ownership.ts";
import { planOperations } from "../../src/kernel/reconcile/plan.ts";
import { Reconciler } from "../../src/kernel/reconcile/reconciler.ts";
import type { KernelState } from "../../src/kernel/state.ts";
import type { Lease } from "../../src/lease/lease.ts";
import { parseIpv4, parseIpv4Prefix, parseMac } from "../../src/net/index.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { silentLog } from "../../src/runtime/log.ts";
import { systemRandom } from "../../src/runtime/random.ts";
import type { Figure } from "./figure.ts";
import { NETWORK_CONFIG, PEER_NETWORK, peerLease, peerLeases } from "./peers.ts";

const ROUNDS = 7;
const OWNERSHIP: Ownership = { networks: [PEER_NETWORK], deviceName: DEVICE_NAME };

/** The node of the site, with the last subnet of the network. */
function localNode(): LocalNode {
  const ips = { v4: parseIpv4("198.18.1.1"), v6: null };
  return {
    iface: { name: "eth0", mtuBytes: 1500, ips },
    publicIps: ips,
    networks: { v4: PEER_NETWORK, v6: null },
    macs: { v4: parseMac("02:ff:00:00:00:01"), v6: parseMac("02:ff:00:00:00:02") },
    underlay: [],
    subnets: { v4: parseIpv4Prefix("10.127.254.0/24"), v6: null },
  };
}

class Steps {
  readonly #samples = new Map<string, number[]>();

  async time<T>(step: string, work: () => T | Promise<T>): Promise<T> {
    const startedMs = performance.now();
    const result = await work();
    const tookMs = performance.now() - startedMs;
    this.#samples.set(step, [...(this.#samples.get(step) ?? []), tookMs]);
    return result;
  }

  figures(peers: number, bounds: Readonly<Record<string, number>>): Figure[] {
    return Array.from(this.#samples, ([step, samples]) => ({
      name: `${peers} peers: ${step}`,
      unit: "ms",
      samples,
      bound: bounds[step] ?? null,
    }));
  }
}

const COLD = "snapshot to kernel, cold";
const CHANGED = "snapshot with one changed peer to kernel";

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
  return steps.figures(peers, peers >= 5000 ? { [COLD]: 1500, [CHANGED]: 100 } : {});
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
  const config = parseNetworkConfig(JSON.stringify(NETWORK_CONFIG), "benchmark");
  const backends = [activateBackend(config)];
  const { state, rejections } = planNetwork(
    { leases, junk: [] },
    {
      node: localNode(),
      ownKey: "self",
      rules: networkRules(config, false),
      receiving: backends,
      published: backends,
      keepsBlackholes: false,
    },
  );
  if (rejections.length > 0) throw new Error(`${rejections.length} leases were refused`);
  return state;
}

async function apply(kernel: Kernel, operations: Parameters<Kernel["apply"]>[0]): Promise<void> {
  const failures = (await kernel.apply(operations)).filter((outcome) => outcome !== null);
  const [first] = failures;
  if (first !== undefined) throw first;
}

async function removeDevice(kernel: Kernel): Promise<void> {
  await apply(kernel, [{ op: "delete-link", name: "flannel.1" }]);
}
