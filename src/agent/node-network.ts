/**
 * The only stateful loop: it holds the node's lease, follows everybody else's, and tells the reconciler and the data
 * plane what shall be. It keeps the newest of each input; whenever one changes, the whole plan is made anew by the
 * pure functions beside it.
 */
import { isDeepStrictEqual } from "node:util";
import type { LocalNode } from "../../backends/backend.ts";
import type { DaemonOptions } from "../config/daemon-options.ts";
import type { NetworkConfig } from "../config/network-config.ts";
import type { ObservedState } from "../kernel/observed.ts";
import { DEVICE_NAME, type Ownership } from "../kernel/reconcile/ownership.ts";
import { Reconciler } from "../kernel/reconcile/reconciler.ts";
import type { ReconcileStatus } from "../kernel/reconcile/status.ts";
import type { Holders } from "../lease/holders.ts";
import type { HostIdentity } from "../lease/host-identity.ts";
import { type Lease, type LeaseSnapshot, sourcesBeside } from "../lease/lease.ts";
import { withoutFormerLeases } from "../lease/own-leases.ts";
import { Alarm } from "../runtime/alarm.ts";
import { messageOf } from "../runtime/error.ts";
import { FirstNetwork } from "./cni/first-network.ts";
import { NodeCni } from "./cni/node-cni.ts";
import type { PreviousSubnetEnv } from "./cni/subnet-env.ts";
import { SubnetFile } from "./cni/subnet-file.ts";
import { type Configuration, checkLiveChange } from "./configuration/configuration.ts";
import { lastGoodConfigFile, writeLastGoodConfig } from "./configuration/last-good-config.ts";
import { RefusedConfigurations } from "./configuration/refused-configurations.ts";
import type { Effectors } from "./effectors.ts";
import { type Firewall, type Guarded, NodeFirewall } from "./firewall/node-firewall.ts";
import { isReversePathStrict, type ReadSysctl } from "./firewall/sysctl-advice.ts";
import { OwnIdentities } from "./identity/own-identities.ts";
import { leasableRanges, type NetworkPlan, networkRules, planNetwork, planOwnPart } from "./network-plan.ts";
import { OwnLease } from "./own-lease.ts";
import type { NodeNotes } from "./reports/node-notes.ts";
import { NOT_READY_YET, type ReadyCondition } from "./reports/node-readiness.ts";
import type { NodeReport } from "./reports/node-report.ts";
import { obstructedPeers } from "./reports/obstructed-peers.ts";
import { ObstructionLog } from "./reports/obstruction-log.ts";
import type { Readiness } from "./reports/readiness.ts";
import { RejectionLog } from "./reports/rejection-log.ts";
import {
  type ActiveBackend,
  checkHost,
  isOffered,
  isSuitable,
  offersOf,
  ownPlan,
} from "./switch-over/active-backend.ts";
import { BackendRoster } from "./switch-over/backend-roster.ts";
import { PathLog } from "./switch-over/path-log.ts";
import { type Publication, Publications } from "./switch-over/publications.ts";
import { retainedBackendsFile, writeRetainedBackends } from "./switch-over/retained-backends.ts";
import { type FirstHost, type FoundHost, findHostAgain, type Surroundings } from "./underlay/host.ts";
import type { InterfaceMemory } from "./underlay/interface-memory.ts";
import { InterfaceReport } from "./underlay/interface-report.ts";
import { networksOf } from "./underlay/local-host.ts";

export interface NodeParts extends Surroundings {
  /** Who this node is; null where the store tells nodes apart by itself. */
  readonly identity: HostIdentity | null;
  readonly options: Pick<
    DaemonOptions,
    "underlay" | "subnetFile" | "firewall" | "keepBlackholeRoute" | "cni"
  >;
  readonly readiness: Readiness<ReadyCondition>;
  readonly report: NodeReport;
  readonly notes: NodeNotes;
  /** Make what backends need beyond kernel objects. */
  readonly effectors: Effectors;
  readonly firewall: Firewall;
  readonly readSysctl: ReadSysctl;
}

export class NodeNetwork {
  readonly #parts: NodeParts;
  readonly #roster: BackendRoster;
  readonly #reconciler: Reconciler;
  readonly #firewall: NodeFirewall;
  readonly #subnetFile: SubnetFile;
  readonly #cni: NodeCni;
  readonly #firstNetwork: FirstNetwork;
  readonly #rejectionLog: RejectionLog;
  readonly #pathLog: PathLog;
  /** Rings when an input has changed. */
  readonly #alarm: Alarm;
  readonly #retainedFile: string;
  readonly #configFile: string;
  #config: NetworkConfig;
  #found: FoundHost;
  readonly #memory: InterfaceMemory;
  readonly #identities: OwnIdentities;
  /** Who has what only one node may have, as the last snapshot left it. */
  #holders: Holders | null = null;
  readonly #lease: OwnLease;
  #snapshot: LeaseSnapshot | null = null;
  readonly #publications = new Publications();
  readonly #interface: InterfaceReport;
  /** What kernel, data plane and firewall were last told to receive on. */
  #planned: ReadonlySet<ActiveBackend> = new Set();
  /** What the firewall is yet to be told. */
  #toGuard: Guarded | null = null;
  #hasPassed = false;
  #peers: NetworkPlan["peers"] = [];
  readonly #obstructions: ObstructionLog;

  constructor(
    parts: NodeParts,
    { config, backend }: Configuration,
    { found, lastLease, memory }: FirstHost,
    earlier: readonly ActiveBackend[],
    previous: PreviousSubnetEnv,
  ) {
    const { kernel, clock, random, log, options } = parts;
    this.#parts = parts;
    this.#config = config;
    this.#found = found;
    this.#memory = memory;
    this.#identities = new OwnIdentities(found.host.identities, parts);
    const isKnown = (each: ActiveBackend) => lastLease !== null && isOffered(each, lastLease);
    this.#roster = new BackendRoster(backend, earlier.filter(isKnown), clock.nowMs());
    // What the last daemon has published is what peers still send to.
    const known = this.#roster.active.filter(isKnown);
    if (lastLease !== null && known.length > 0)
      this.#publications.add({ content: lastLease, backends: known });
    this.#alarm = new Alarm(clock);
    this.#lease = new OwnLease(
      parts,
      this.#publications,
      previous.subnets,
      () => ({ config: this.#config, publication: this.#nextPublication() }),
      () => this.#alarm.ring(),
    );
    this.#firewall = new NodeFirewall(parts, () => {
      this.#offerNetwork();
      this.#lease.review();
    });
    this.#subnetFile = new SubnetFile(options, parts);
    this.#interface = new InterfaceReport(parts);
    this.#rejectionLog = new RejectionLog(log);
    this.#pathLog = new PathLog(log);
    this.#obstructions = new ObstructionLog(log);
    this.#retainedFile = retainedBackendsFile(options.subnetFile);
    this.#configFile = lastGoodConfigFile(options.subnetFile);
    const ownership: Ownership = { networks: ownNetworks(config, previous), deviceName: DEVICE_NAME };
    this.#reconciler = new Reconciler({ kernel, clock, random, log, ownership });
    this.#cni = new NodeCni(parts, ownership.networks);
    this.#firstNetwork = new FirstNetwork(previous.subnets);
  }

  /** Rejects with the signal's reason when it aborts, and leaves the data path in place. */
  async run(configurations: AsyncIterable<Configuration>, signal: AbortSignal): Promise<void> {
    const { effectors } = this.#parts;
    this.#interface.found(this.#found);
    this.#reconciler.onPass((status) => this.#afterPass(status));
    this.#reconciler.onUnreadable((error) =>
      this.#parts.readiness.fails("kernel", `the kernel cannot be read or changed: ${error.message}`),
    );
    this.#reconciler.onUnderlayChange((observed) => this.#cni.observe(observed));
    effectors.onChange(() => {
      effectors.report(this.#parts.readiness);
      this.#offerNetwork();
      this.#lease.review();
    });
    // Whichever fails takes the others down; until the signal aborts none of them ends.
    const parts = [
      this.#reconciler.run(signal),
      effectors.run(signal),
      this.#firewall.run(signal),
      this.#subnetFile.run(signal),
      this.#cni.run(signal),
      this.#lease.run(signal),
      this.#followLeases(signal),
      this.#followConfigurations(configurations, signal),
      this.#followUnderlay(signal),
      this.#keepPlanning(signal),
    ];
    try {
      await Promise.all(parts);
    } finally {
      await this.#firewall.release();
    }
  }

  async #followLeases(signal: AbortSignal): Promise<void> {
    for await (const snapshot of this.#parts.store.snapshots(signal)) {
      this.#snapshot = snapshot;
      this.#alarm.ring();
    }
  }

  /** A configuration that cannot be put into force is refused, and the last one stays. */
  async #followConfigurations(
    configurations: AsyncIterable<Configuration>,
    signal: AbortSignal,
  ): Promise<void> {
    const { clock, log } = this.#parts;
    const refusals = new RefusedConfigurations(this.#parts);
    signal.throwIfAborted();
    await writeRetainedBackends(this.#retainedFile, this.#roster.active, this.#parts);
    for await (const { text, config, backend } of configurations) {
      signal.throwIfAborted();
      try {
        checkLiveChange(this.#config, config);
        checkHost(backend, this.#found.host);
      } catch (error) {
        refusals.refuse(messageOf(error));
        continue;
      }
      refusals.accept();
      if (isDeepStrictEqual(config, this.#config)) continue;
      this.#config = config;
      this.#roster.prefer(backend, clock.nowMs());
      await writeLastGoodConfig(this.#configFile, text, this.#parts);
      signal.throwIfAborted();
      await writeRetainedBackends(this.#retainedFile, this.#roster.active, this.#parts);
      log.info({ op: "read-config", backend: backend.channel }, "network configuration changed");
      this.#alarm.ring();
    }
  }

  /** The host's addresses and routes may change at any time: by DHCP, by an operator, with the cable. */
  async #followUnderlay(signal: AbortSignal): Promise<never> {
    const { clock, options } = this.#parts;
    const changed = new Alarm(clock);
    let newest: ObservedState | null = null;
    this.#reconciler.onUnderlayChange((observed) => {
      newest = observed;
      changed.ring();
    });
    for (;;) {
      await changed.sleep(Number.POSITIVE_INFINITY, signal);
      if (newest === null) continue;
      try {
        const found = await findHostAgain(
          this.#found,
          this.#inForce(),
          options.underlay,
          newest,
          this.#parts,
          this.#memory,
        );
        // A host that the backend cannot work on is no better than what was known.
        checkHost(this.#roster.preferred, found.host);
        const isNew = found !== this.#found;
        this.#found = found;
        this.#interface.found(found);
        if (isNew) this.#alarm.ring();
      } catch (error) {
        this.#interface.unusable(messageOf(error));
      }
    }
  }

  async #keepPlanning(signal: AbortSignal): Promise<never> {
    const { clock } = this.#parts;
    for (;;) {
      const dueMs = this.#plan();
      this.#lease.review();
      const waitMs = dueMs === null ? Number.POSITIVE_INFINITY : dueMs - clock.nowMs();
      await this.#alarm.sleep(Math.max(0, waitMs), signal);
    }
  }

  /**
   * Nothing is touched before lease and snapshot are known: without them every peer would look gone.
   * @returns when time alone asks for another plan, in monotonic time
   */
  #plan(): number | null {
    const { clock, store, effectors, readSysctl, identity, backends } = this.#parts;
    const lease = this.#lease.held;
    if (lease === null || this.#snapshot === null) return null;
    const { publication, untilMs } = this.#publications.inForce(this.#snapshot, lease.key, clock.nowMs());
    if (publication === null) return null;
    const node = this.#nodeWith(lease);
    const isAssigned = store.subnets === "assigned";
    const plan = planNetwork(withoutFormerLeases(this.#snapshot, lease.key, identity), {
      node,
      ownKey: lease.key,
      rules: networkRules(this.#config, isAssigned),
      receiving: this.#usable(this.#roster.active),
      published: this.#usable(publication.backends),
      checksReversePath: isReversePathStrict(node.iface.name, readSysctl),
      keepsBlackholes: this.#parts.options.keepBlackholeRoute,
      holders: this.#holders,
      backends,
    });
    this.#holders = plan.holders;
    const identitiesDue = this.#identities.review(plan.contested);
    // Before anything of it comes into force: a MAC that is another's is not taken up.
    if (identitiesDue === "changed") return this.#plan();
    this.#interface.contested(plan.contested);
    this.#rejectionLog.report(plan);
    this.#pathLog.report(plan.paths);
    this.#parts.report.planned(plan);
    this.#peers = plan.peers;
    this.#reconciler.setDesired(plan.state);
    effectors.setDesired(plan.effects);
    effectors.report(this.#parts.readiness);
    this.#planned = new Set(this.#roster.active);
    this.#toGuard = {
      config: this.#config,
      subnets: lease.subnets,
      leasable: leasableRanges(this.#config, isAssigned),
      origins: plan.origins,
    };
    if (!this.#hasPassed) this.#guard();

    const used = new Set(plan.paths.map((path) => path.channel));
    const before = this.#roster.active.length;
    const dueMs = this.#roster.review(used, clock.nowMs());
    if (this.#roster.active.length < before) this.#alarm.ring();
    return earliest(dueMs, untilMs, identitiesDue);
  }

  /** To start a program holds this process up until it runs: paths turn first. */
  #guard(): void {
    if (this.#toGuard !== null) this.#firewall.guard(this.#toGuard);
    this.#toGuard = null;
  }

  #nodeWith({ subnets }: Lease): LocalNode {
    return { ...this.#found.host, identities: this.#identities.present, subnets };
  }

  /** A new backend is among it from when this node can receive on it: peers may turn as soon as they hear of it. */
  #nextPublication(): Publication {
    const host = { ...this.#found.host, identities: this.#identities.present };
    const usable = this.#usable(this.#roster.active);
    const backends = this.#publications.next(usable, (backend) => this.#isReceiving(backend));
    const { publicIps, iface } = host;
    const sources = sourcesBeside(publicIps, iface.ips);
    return { content: { publicIps, ...sources, offers: offersOf(backends, host) }, backends };
  }

  /** Without those from before a change that the host does not suit any more. */
  #usable(backends: readonly ActiveBackend[]): readonly ActiveBackend[] {
    const suitable = backends.filter((backend) => isSuitable(backend, this.#found.host));
    return suitable.length === 0 ? backends : suitable;
  }

  #isReceiving(backend: ActiveBackend): boolean {
    const lease = this.#lease.held;
    if (lease === null || !this.#planned.has(backend)) return false;
    if (this.#toGuard !== null || !this.#firewall.isSettled) return false;
    const node = this.#nodeWith(lease);
    return (
      this.#missingEffect(backend, node) === null &&
      ownPlan(backend, node).state.links.every(({ name }) => this.#reconciler.isRaised(name))
    );
  }

  #afterPass(status: ReconcileStatus): void {
    const { readiness } = this.#parts;
    this.#hasPassed = true;
    this.#guard();
    this.#lease.review();
    if (status.converged) readiness.holds("kernel");
    else readiness.fails("kernel", describeUnsettled(status));
    const obstructed = obstructedPeers(this.#peers, this.#lease.held?.subnets ?? null, status);
    this.#parts.report.obstructed(obstructed);
    this.#obstructions.report(obstructed);
    this.#offerNetwork();
  }

  /**
   * Tells whoever starts pods of the network: not before kernel and firewall had their first turn, so that a pod finds its
   * peers, nor before this node's own part of the path has stood.
   */
  #offerNetwork(): void {
    const lease = this.#lease.held;
    if (lease === null || !this.#hasPassed || !this.#firewall.hasStood) return;
    const missing = this.#firstNetwork.awaited(lease.subnets, () => this.#missingOwnPart(lease));
    if (missing !== null) {
      const reason = `${NOT_READY_YET.subnetFile}: the data path of this node does not stand (${missing})`;
      this.#parts.readiness.fails("subnetFile", reason);
      return;
    }
    const { host } = this.#found;
    const { podMtuBytes: mtuBytes } = this.#roster.preferred.publish(host);
    const { networks } = host;
    // A family that is left out is not offered to pods.
    const subnets = {
      v4: networks.v4 === null ? null : lease.subnets.v4,
      v6: networks.v6 === null ? null : lease.subnets.v6,
    };
    const network = { networks, subnets, mtuBytes };
    this.#subnetFile.put(network);
    this.#cni.put(network);
    this.#parts.store.networkIsUp?.();
  }

  #missingOwnPart(lease: Lease): string | null {
    const { options } = this.#parts;
    const { preferred } = this.#roster;
    if (!this.#planned.has(preferred)) return `${preferred.channel} is not planned yet`;
    const node = this.#nodeWith(lease);
    const missing = this.#reconciler.missing(planOwnPart(preferred, node, options.keepBlackholeRoute));
    return missing ?? this.#missingEffect(preferred, node);
  }

  #missingEffect(backend: ActiveBackend, node: LocalNode): string | null {
    if (ownPlan(backend, node).effect === null) return null;
    return this.#parts.effectors.missing(backend.type, backend.channel);
  }

  #inForce() {
    return { config: this.#config, backend: this.#roster.preferred };
  }
}

function earliest(...times: readonly (number | null)[]): number | null {
  const due = times.filter((time) => time !== null);
  return due.length === 0 ? null : Math.min(...due);
}

/** Of this configuration, and of the one that the last daemon left objects of. */
function ownNetworks(config: NetworkConfig, previous: PreviousSubnetEnv): Ownership["networks"] {
  const { v4, v6 } = networksOf(config);
  return [v4, v6, previous.networks.v4, previous.networks.v6].filter((network) => network !== null);
}

function describeUnsettled({ failures }: ReconcileStatus): string {
  const [first, ...others] = failures;
  const reason = first === undefined ? "it is being programmed" : first.message;
  const more = others.length === 0 ? "" : `, and ${others.length} more`;
  return `the kernel does not agree yet: ${reason}${more}`;
}
