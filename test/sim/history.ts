/** One history: a cluster that starts, the steps, and the rest that it must come to. */
import type { Lease } from "../../src/lease/lease.ts";
import type { Random } from "../../src/runtime/random.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { perform } from "./acts.ts";
import { BACKEND_OPTIONS, type ClusterOptions, SimulatedCluster } from "./cluster.ts";
import { drawSteps, pick } from "./generator.ts";
import { CALM_MS, REST_MS } from "./grace.ts";
import { formatFields } from "./host-log.ts";
import { isInside } from "./ip-ranges.ts";
import { Oracle, type Violation } from "./oracle.ts";
import type { Replacements } from "./replacements.ts";
import { describeStep, type Step, type TimedStep } from "./step.ts";
import type { StoreKind } from "./store.ts";

/** Everything that decides what happens. */
export interface History {
  readonly seed: number;
  readonly options: ClusterOptions;
  readonly steps: readonly TimedStep[];
}

export interface HistoryOptions {
  readonly steps: number;
  /** null for any number of nodes, and any store of those that are built. */
  readonly nodes: number | null;
  readonly store: StoreKind | "mixed";
  /** @see ClusterOptions.subnets */
  readonly subnets?: number;
  /** Half of the steps are of these; absent for none. */
  readonly focus?: readonly Step["do"][];
}

export interface Result {
  /** The first one; null for a history that keeps all invariants. */
  readonly violation: Violation | null;
  /** Of the step at which it was found, from 0. */
  readonly atStep: number;
  readonly checks: number;
  readonly simulatedMs: number;
  /** Everything that was logged, and every step, in order. */
  readonly trace: Trace;
}

export interface Trace {
  readonly events: readonly { readonly atMs: number; readonly text: string }[];
  readonly cluster: SimulatedCluster;
  /** Leases and kernels at the violation, for a reader; empty without one. */
  readonly state: string;
}

const REST_POLL_MS = 1_000;
/** An operator looks after so many polls. */
const POLLS_PER_RESTART = 30;
const MINUTE_MS = 60_000;

/** @param index of the history within the run of this seed */
export function drawHistory(seed: number, index: number, options: HistoryOptions): History {
  const random = seededRandom(Math.imul(seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b));
  const stores: readonly StoreKind[] = options.store === "mixed" ? BUILT_STORES : [options.store];
  const cluster: ClusterOptions = {
    nodes: options.nodes ?? drawNodes(random),
    store: pick(random, stores),
    backend: random.below(BACKEND_OPTIONS.length),
    checksReversePath: random.below(2) === 0,
    flags: drawFlags(random),
    ...drawWorld(seed, index),
    ...(options.subnets === undefined ? {} : { subnets: options.subnets }),
  };
  const steps = (seed: number) => ({ seed, steps: drawSteps(random, options.steps, options.focus) });
  return { options: cluster, ...steps(random.below(2 ** 32)) };
}

/** From a seed of its own, so that the steps of a history stay when more of the world is drawn. */
function drawWorld(seed: number, index: number): Partial<ClusterOptions> {
  const random = seededRandom(Math.imul(seed, 0xc2b2ae35) ^ Math.imul(index + 1, 0x27d4eb2f));
  return { isDual: random.below(3) === 0, world: random.below(2 ** 32) };
}

export const BUILT_STORES: readonly StoreKind[] = ["file", "kubernetes", "etcd"];

function drawNodes(random: Random): number {
  return pick(random, [3, 3, 3, 3, 4, 4, 5, 7]);
}

function drawFlags(random: Random): readonly string[] {
  return [
    ...(random.below(3) === 0 ? ["--ip-blackhole-route=true"] : []),
    ...(random.below(3) === 0 ? ["--cni-conf=/etc/cni/net.d/10-tweed.conflist"] : []),
    ...(random.below(4) === 0 ? ["--iface=eth0"] : []),
  ];
}

export async function runHistory(history: History, replacements: Replacements = {}): Promise<Result> {
  const cluster = new SimulatedCluster(history.options, history.seed, replacements);
  const oracle = new Oracle(cluster);
  const events: { atMs: number; text: string }[] = [];
  const run = new Run(cluster, oracle, (text) => events.push({ atMs: cluster.time.nowMs, text }));
  let atStep = -1;
  let state = "";
  oracle.onFirst = () => {
    state = describeState(cluster);
  };
  await run.start();
  for (const { step, pauseMs } of history.steps) {
    if (oracle.violations.length > 0) break;
    atStep += 1;
    events.push({ atMs: cluster.time.nowMs, text: describeStep(step) });
    if (step.do === "quiet") await run.rest();
    else perform(cluster, step);
    oracle.isDirty = true;
    await run.advance(pauseMs);
  }
  if (oracle.violations.length === 0) {
    atStep += 1;
    events.push({ atMs: cluster.time.nowMs, text: "end of the history" });
    await run.rest();
  }
  // Nothing of this cluster runs on beside the next one.
  cluster.close();
  const { violations, checks } = oracle;
  const simulatedMs = cluster.time.nowMs;
  return { violation: violations[0] ?? null, atStep, checks, simulatedMs, trace: { events, cluster, state } };
}

function describeState({ hosts, store }: SimulatedCluster): string {
  const lines = store.leases().map((lease) => formatFields(lease));
  for (const { name, ip, ip6, podSubnet, podSubnet6, kernel, firewall, isRunning } of hosts) {
    lines.push(`${name} ${ip} ${ip6} ${podSubnet} ${podSubnet6} ${isRunning ? "runs" : "does not run"}`);
    for (const link of kernel.links.values()) lines.push(`  link ${formatFields(link)}`);
    for (const route of kernel.routes) lines.push(`  route ${formatFields(route)}`);
    for (const entry of kernel.fdb) lines.push(`  fdb ${formatFields(entry)}`);
    for (const entry of kernel.neighbours) lines.push(`  neighbour ${formatFields(entry)}`);
    for (const operation of kernel.log.slice(-8)) lines.push(`  requested ${formatFields(operation)}`);
    lines.push(`  filter ${formatFields(firewall.filter ?? {})}`);
  }
  return lines.join("\n");
}

class Run {
  readonly #cluster: SimulatedCluster;
  readonly #oracle: Oracle;
  readonly #note: (text: string) => void;
  #minuteEndsMs = MINUTE_MS;

  constructor(cluster: SimulatedCluster, oracle: Oracle, note: (text: string) => void) {
    this.#cluster = cluster;
    this.#oracle = oracle;
    this.#note = note;
  }

  async start(): Promise<void> {
    for (const host of this.#cluster.hosts) host.start();
    await this.#untilAtRest();
  }

  async advance(ms: number): Promise<void> {
    const untilMs = this.#cluster.time.nowMs + ms;
    while (this.#minuteEndsMs <= untilMs) {
      await this.#cluster.sleep(this.#minuteEndsMs - this.#cluster.time.nowMs);
      this.#minuteEndsMs += MINUTE_MS;
      this.#oracle.judgeLogs();
      if (this.#oracle.violations.length > 0) return;
    }
    await this.#cluster.sleep(untilMs - this.#cluster.time.nowMs);
  }

  /** Lifts all faults, and waits until everything is ready, reachable and agreed; then nothing may change. */
  async rest(): Promise<void> {
    const { faults, store, hosts } = this.#cluster;
    faults.liftAll();
    store.heal();
    this.#cluster.configure();
    store.renumber?.(this.#cluster.networkPrefix, this.#cluster.networkPrefix6);
    // One that waits for the next steps of a daemon to kill it would else strike at rest.
    for (const host of hosts) host.daemon?.life.killAfter(Number.POSITIVE_INFINITY);
    this.#removeRivals();
    this.#restartOutside();
    for (const host of hosts) host.removeOldGateway(this.#cluster.networkPrefix);
    for (const host of hosts) host.start();
    await this.#untilAtRest();
    if (this.#oracle.violations.length > 0) return;
    // Backends that nobody uses any more are still withdrawn.
    await this.advance(CALM_MS);
    this.#oracle.isAtRest = true;
    this.#oracle.isDirty = true;
    await this.advance(REST_POLL_MS);
    for (const reason of this.#oracle.unrest())
      this.#oracle.report("a cluster at rest stays at rest", reason);
    this.#oracle.isAtRest = false;
  }

  /** A node whose address another lease publishes asks the operator to delete that lease. */
  #removeRivals(): void {
    const { store, hosts } = this.#cluster;
    const isRival = ({ key, publicIps }: Lease) =>
      hosts.some((host) => {
        const isSame = publicIps.v4 === host.ip || (host.ip6 !== null && publicIps.v6 === host.ip6);
        return isSame && this.#oracle.leaseOf(host)?.key !== key;
      });
    for (const { key } of store.leases().filter(isRival)) store.releaseLease(key);
  }

  /** A daemon that started in another network has to be restarted by the operator. */
  #restartOutside(): void {
    const { hosts, networkPrefix } = this.#cluster;
    for (const host of hosts) {
      const subnets = [host.podSubnet, this.#oracle.leaseOf(host)?.subnets.v4 ?? null];
      const isOutside = subnets.some((subnet) => subnet !== null && !isInside(networkPrefix, subnet));
      // As one without pods or lease says it.
      const isBlamed = host.daemon?.readiness.reasons().some((reason) => reason.includes("is not within"));
      if (!isOutside && isBlamed !== true) continue;
      host.kill();
      host.start();
    }
  }

  async #untilAtRest(): Promise<void> {
    const untilMs = this.#cluster.time.nowMs + REST_MS;
    for (let polls = 1; ; polls++) {
      await this.advance(REST_POLL_MS);
      // A Node of the new network may come after the restart of its daemon.
      if (polls % POLLS_PER_RESTART === 0) {
        this.#restartOutside();
        // A host that comes back as another node finds its former lease.
        this.#removeRivals();
      }
      if (this.#oracle.violations.length > 0) return;
      const unrest = this.#oracle.unrest();
      if (unrest.length === 0) return;
      if (this.#cluster.time.nowMs < untilMs) continue;
      for (const reason of unrest) this.#note(reason);
      this.#oracle.report("everything comes to rest", unrest.slice(0, 5).join("; "));
      return;
    }
  }
}
