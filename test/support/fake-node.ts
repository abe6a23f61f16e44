/** A node in this process: the whole agent on a fake kernel, a store in memory and a data plane that tests control. */
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Backend } from "../../backends/backend.ts";
import type { EffectFault, Effector } from "../../backends/effector.ts";
import { BACKENDS } from "../../backends/registry.ts";
import { Agent } from "../../src/agent/agent.ts";
import { Effectors } from "../../src/agent/effectors.ts";
import type { FirewallStatus } from "../../src/agent/firewall/status.ts";
import { NodeNotes } from "../../src/agent/reports/node-notes.ts";
import { notReadyYet, type ReadyCondition } from "../../src/agent/reports/node-readiness.ts";
import { NodeReport } from "../../src/agent/reports/node-report.ts";
import { Readiness } from "../../src/agent/reports/readiness.ts";
import { readCommandLine } from "../../src/config/daemon-options.ts";
import { ROUTE_PROTOCOL } from "../../src/kernel/state.ts";
import type { HostIdentity } from "../../src/lease/host-identity.ts";
import type { Notice } from "../../src/lease/notice.ts";
import { type DualIp, parseIpv4, parseIpv4Prefix } from "../../src/net/index.ts";
import type { Files } from "../../src/runtime/files.ts";
import type { JsonObject } from "../../src/runtime/json.ts";
import { nodeFiles } from "../../src/runtime/node-files.ts";
import { systemRandom } from "../../src/runtime/random.ts";
import { eventually } from "./eventually.ts";
import { FakeKernel } from "./fake-kernel.ts";
import { hostIdentity } from "./lease-fixtures.ts";
import { MemoryCluster, MemoryStore } from "./memory-store.ts";
import { RecordingLog } from "./recording-log.ts";
import { VirtualClock } from "./virtual-clock.ts";

/** Applies the desired effect of `udp`, or reports why not. */
export class FakeDataplane implements Effector {
  readonly type = "udp";
  readonly condition = "dataplane";
  readonly pending = "the data plane is not running yet";
  desired: unknown = null;
  #fault: string | null = null;
  readonly #listeners = new Set<() => void>();

  get fault(): string | null {
    return this.#fault;
  }
  set fault(reason: string | null) {
    this.#fault = reason;
    for (const listener of this.#listeners) listener();
  }
  setDesired(effects: ReadonlyMap<string, unknown>): void {
    [this.desired = null] = effects.values();
  }
  run(signal: AbortSignal): Promise<never> {
    return untilAborted(signal);
  }
  isApplied(): boolean {
    return this.faults().length === 0;
  }
  faults(): readonly EffectFault[] {
    return this.desired === null || this.#fault === null ? [] : [{ channel: null, reason: this.#fault }];
  }
  status(): null {
    return null;
  }
  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }
}

/** Rules are in place as soon as they are desired, unless it is set to be slow. */
export class FakeRules {
  isSlow = false;
  blockers: readonly string[] = [];
  /** Called when the desired rules change. */
  onDesired: () => void = () => {};
  #listener: (status: FirewallStatus) => void = () => {};

  setDesired(): void {
    this.onDesired();
    queueMicrotask(() => this.turn());
  }
  run(signal: AbortSignal): Promise<never> {
    return untilAborted(signal);
  }
  async release(): Promise<void> {}
  status(): FirewallStatus {
    const converged = !this.isSlow;
    const { blockers } = this;
    return { writer: "nftables", converged, faults: [], notes: [], blockers, writes: 0, lastAgreedMs: null };
  }
  onPass(listener: (status: FirewallStatus) => void): () => void {
    this.#listener = listener;
    return () => {};
  }
  turn(): void {
    this.#listener(this.status());
  }
}

/** Its kernel, store and files outlive its daemons. It runs one daemon at a time. */
export class FakeNode {
  readonly kernel = new FakeKernel();
  readonly dataplane = new FakeDataplane();
  /** Effectors of the next daemon: `dataplane`, unless a test replaces it. */
  effectors: readonly Effector[] = [this.dataplane];
  /** The configurable backends; to be changed before a start. */
  backends: readonly Backend[] = BACKENDS;
  readonly rules = new FakeRules();
  readonly log = new RecordingLog();
  readonly clock = new VirtualClock();
  /** Called for each set of backend types that the daemon publishes, before the store has it. */
  onPublish: (types: readonly string[]) => void = () => {};
  /** Notices to the operator through the store. */
  readonly notices: Notice[] = [];
  /** Whether the daemon has reported to the store that the network is up, as to the Node on Kubernetes. */
  isNetworkUp = false;
  readonly report = new NodeReport();
  readonly readiness = new Readiness<ReadyCondition>({});
  readonly notes = new NodeNotes(this);
  /** By path below /proc/sys; paths not listed do not exist. */
  readonly hostSysctls = new Map<string, string>();
  /** Additional flags; to be changed before a start. */
  flags: readonly string[] = [];
  /** Unique to this host; to be changed before a start. */
  identity: HostIdentity;
  /** To be changed before a start. */
  files: Files = nodeFiles;
  readonly #cluster: MemoryCluster;
  /** Where the daemon writes its files. */
  readonly directory: string;
  #stop: AbortController | null = null;
  #ended: Promise<void> = Promise.resolve();

  private constructor(cluster: MemoryCluster, ip: DualIp["v4"], directory: string) {
    this.#cluster = cluster;
    this.directory = directory;
    this.identity = hostIdentity();
    this.kernel.addDevice("eth0");
    if (ip === null) return;
    this.kernel.execute({ op: "add-address", address: { iface: "eth0", ip, length: 24 } });
    const dst = parseIpv4Prefix("0.0.0.0/0");
    const fields = { iface: "eth0", onlink: false, protocol: ROUTE_PROTOCOL.boot, mtuBytes: null };
    this.kernel.putObservedRoute({ dst, via: parseIpv4("192.0.2.254"), ...fields, metric: 0, source: null });
  }

  /** @param number the last part of its address, 192.0.2.0/24 */
  static async create(cluster: MemoryCluster, number: number): Promise<FakeNode> {
    const directory = await mkdtemp(join(tmpdir(), "tw-node-"));
    return new FakeNode(cluster, parseIpv4(`192.0.2.${number}`), directory);
  }

  async startUntilReady(): Promise<void> {
    this.start();
    await eventually(() => this.readiness.reasons()).toEqual([]);
  }

  get subnetFile(): string {
    return join(this.directory, "subnet.env");
  }

  start(): void {
    const line = readCommandLine([`--subnet-file=${this.subnetFile}`, ...this.flags], {});
    if (line.kind !== "run") throw new Error("the command line is refused");
    const surroundings = { clock: this.clock, random: systemRandom, files: this.files, log: this.log };
    const store = new MemoryStore(this.#cluster, surroundings);
    const acquire = store.acquire.bind(store);
    store.acquire = (request, signal) => {
      this.onPublish(request.content.offers.map(({ type }) => type));
      return acquire(request, signal);
    };
    Object.assign(store, {
      postNotice: (notice: Notice) => this.notices.push(notice),
      networkIsUp: () => {
        this.isNetworkUp = true;
      },
    });
    const stop = new AbortController();
    const effectors = new Effectors(this.effectors, surroundings);
    for (const [condition, reason] of Object.entries(notReadyYet(effectors.notReadyYet, false)))
      this.readiness.fails(condition as ReadyCondition, reason);
    const { kernel, readiness, report, notes, rules: firewall, identity } = this;
    const parts = {
      ...surroundings,
      options: line.options,
      store,
      kernel,
      effectors,
      readiness,
      report,
      notes,
      firewall,
      identity,
      backends: this.backends,
      readSysctl: (path: string) => this.hostSysctls.get(path) ?? null,
    };
    this.#stop = stop;
    this.#ended = new Agent(parts).run(stop.signal).catch((error: unknown) => {
      if (!stop.signal.aborted) throw error;
    });
  }

  /** As by SIGKILL, as far as other processes can tell: kernel, store and files stay unchanged. */
  async kill(): Promise<void> {
    this.#stop?.abort(new Error("killed"));
    await this.#ended;
  }

  /** Kills and starts it again, and clears its earlier reports. */
  async restart(): Promise<void> {
    await this.kill();
    this.isNetworkUp = false;
    this.start();
  }

  async remove(): Promise<void> {
    await this.kill();
    // A write in progress may outlive the daemon briefly, and its writer creates the directory again.
    const isGone = async () => {
      await rm(this.directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 });
      await sleep(5);
      return !existsSync(this.directory);
    };
    await eventually(isGone).toBe(true);
  }
}

export function configure(cluster: MemoryCluster, backend: JsonObject): void {
  cluster.configuration = JSON.stringify({ Network: "10.244.0.0/16", Backend: backend });
  cluster.announce();
}

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

/** A cluster of one node on this backend, which is to be started. */
export async function clusterOfOne(
  backend: JsonObject,
): Promise<{ readonly cluster: MemoryCluster; readonly node: FakeNode }> {
  const cluster = new MemoryCluster();
  configure(cluster, backend);
  return { cluster, node: await FakeNode.create(cluster, 1) };
}
