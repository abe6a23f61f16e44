/**
 * The only stateful loop: it holds the node's lease, follows everybody else's, and tells the reconciler and the data
 * plane what shall be. It keeps the newest of each input; whenever one changes, the whole plan is made anew by the
 * pure functions beside it.
 */
import { isDeepStrictEqual } from "node:util";
import type { Dataplane } from "../../backends/dataplane.ts";
import type { DaemonOptions } from "../config/daemon-options.ts";
import type { NetworkConfig } from "../config/network-config.ts";
import type { ReadSysctl } from "../kernel/firewall/sysctl-advice.ts";
import type { ObservedState } from "../kernel/observed.ts";
import { DEVICE_NAME, type Ownership } from "../kernel/reconcile/ownership.ts";
import { Reconciler } from "../kernel/reconcile/reconciler.ts";
import type { ReconcileStatus } from "../kernel/reconcile/status.ts";
import type { Lease, LeaseContent, LeaseSnapshot } from "../lease/lease.ts";
import { Alarm } from "../runtime/alarm.ts";
import { messageOf } from "../runtime/error.ts";
import { type ActiveBackend, offersOf } from "./active-backend.ts";
import { BackendRoster } from "./backend-roster.ts";
import { NodeCni } from "./cni/node-cni.ts";
import { type Configuration, checkLiveChange } from "./configuration.ts";
import { type FoundHost, findHostAgain, type Surroundings } from "./host.ts";
import { networksOf } from "./local-host.ts";
import { networkRules, planNetwork } from "./network-plan.ts";
import { type Firewall, NodeFirewall } from "./node-firewall.ts";
import type { ReadyCondition } from "./node-readiness.ts";
import { PathLog } from "./path-log.ts";
import { type Publication, Publications } from "./publications.ts";
import type { Readiness } from "./readiness.ts";
import { RejectionLog } from "./rejection-log.ts";
import { retainedBackendsFile, writeRetainedBackends } from "./retained-backends.ts";
import type { PreviousSubnetEnv } from "./subnet-env.ts";
import { SubnetFile } from "./subnet-file.ts";
import { untilItWorks } from "./until-it-works.ts";

export interface NodeParts extends Surroundings {
  readonly options: Pick<
    DaemonOptions,
    "underlay" | "subnetFile" | "firewall" | "keepBlackholeRoute" | "cni"
  >;
  readonly readiness: Readiness<ReadyCondition>;
  /** Carries the packets of a userspace backend. */
  readonly dataplane: Dataplane;
  readonly firewall: Firewall;
  readonly readSysctl: ReadSysctl;
}

/** Peers are told of a new backend once kernel and data plane have it, or after this time. */
const SETTLE_TIMEOUT_MS = 2000;
const SETTLE_POLL_MS = 5;

export class NodeNetwork {
  readonly #parts: NodeParts;
  readonly #roster: BackendRoster;
  readonly #reconciler: Reconciler;
  readonly #firewall: NodeFirewall;
  readonly #subnetFile: SubnetFile;
  readonly #cni: NodeCni;
  readonly #rejectionLog: RejectionLog;
  readonly #pathLog: PathLog;
  /** Rings when an input has changed. */
  readonly #alarm: Alarm;
  readonly #retainedFile: string;
  #config: NetworkConfig;
  #found: FoundHost;
  #previous: PreviousSubnetEnv;
  #lease: Lease | null = null;
  #snapshot: LeaseSnapshot | null = null;
  readonly #publications = new Publications();
  #republish: () => void = () => {};
  #hasPassed = false;

  constructor(
    parts: NodeParts,
    { config, backend }: Configuration,
    found: FoundHost,
    retained: readonly ActiveBackend[],
    previous: PreviousSubnetEnv,
  ) {
    const { kernel, clock, random, log, options } = parts;
    this.#parts = parts;
    this.#config = config;
    this.#found = found;
    this.#previous = previous;
    this.#roster = new BackendRoster(backend, retained, clock.nowMs());
    this.#alarm = new Alarm(clock);
    this.#firewall = new NodeFirewall(parts, () => this.#writeSubnetFile());
    this.#subnetFile = new SubnetFile(options, parts);
    this.#rejectionLog = new RejectionLog(log);
    this.#pathLog = new PathLog(log);
    this.#retainedFile = retainedBackendsFile(options.subnetFile);
    const ownership: Ownership = { networks: ownNetworks(config, previous), deviceName: DEVICE_NAME };
    this.#reconciler = new Reconciler({ kernel, clock, random, log, ownership });
    this.#cni = new NodeCni(parts, ownership.networks);
  }

  /** Rejects with the signal's reason when it aborts, and leaves the data path in place. */
  async run(configurations: AsyncIterable<Configuration>, signal: AbortSignal): Promise<void> {
    const { dataplane } = this.#parts;
    this.#reportHost();
    this.#reconciler.onPass((status) => this.#afterPass(status));
    this.#reconciler.onUnderlayChange((observed) => this.#cni.observe(observed));
    dataplane.onChange(() => this.#reportDataplane());
    // Whichever fails takes the others down; until the signal aborts none of them ends.
    await Promise.all([
      this.#reconciler.run(signal),
      dataplane.run(signal),
      this.#firewall.run(signal),
      this.#subnetFile.run(signal),
      this.#cni.run(signal),
      this.#holdLease(signal),
      this.#followLeases(signal),
      this.#followConfigurations(configurations, signal),
      this.#followUnderlay(signal),
      this.#keepPlanning(signal),
    ]);
  }

  /** Acquires the lease and keeps it, and says anew what this node is when that has changed. */
  async #holdLease(signal: AbortSignal): Promise<never> {
    const { store, log, readiness } = this.#parts;
    let previousSubnets = this.#previous.subnets;
    for (;;) {
      const backends = this.#roster.active;
      if (this.#lease !== null) await this.#untilSettled(signal);
      const onFault = (reason: string) => {
        log.warn({ op: "acquire-lease", reason }, "no lease yet");
        if (this.#lease === null) readiness.fails("lease", reason);
      };
      const content = this.#contentFor(backends);
      const request = { config: this.#config, content, previousSubnets, held: this.#lease };
      const held = await untilItWorks(() => store.acquire(request, signal), this.#parts, onFault, signal);
      const { key, subnets } = held.lease;
      log.info(
        {
          op: "acquire-lease",
          key,
          subnet: subnets,
          backend: backends.map((each) => each.channel).join(", "),
        },
        "lease held",
      );
      previousSubnets = subnets;
      this.#lease = held.lease;
      this.#publications.add({ content, backends });
      readiness.holds("lease");
      this.#alarm.ring();

      const change = new AbortController();
      this.#republish = () => change.abort();
      try {
        const reason = await store.keep(held, AbortSignal.any([signal, change.signal]));
        log.error({ op: "keep-lease", key, reason }, "lease lost, seeking it again");
        // The data path stays as it is while a new lease is sought.
        readiness.fails("lease", `the lease was lost: ${reason}`);
        this.#lease = null;
      } catch (error) {
        signal.throwIfAborted();
        if (!change.signal.aborted) throw error;
      }
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
    await writeRetainedBackends(this.#retainedFile, this.#roster.active, log);
    for await (const { config, backend } of configurations) {
      signal.throwIfAborted();
      if (isDeepStrictEqual(config, this.#config)) continue;
      try {
        checkLiveChange(this.#config, config);
        backend.endpoint(this.#found.host);
      } catch (error) {
        log.error({ op: "read-config", reason: messageOf(error) }, "network configuration refused");
        continue;
      }
      this.#config = config;
      this.#roster.prefer(backend, clock.nowMs());
      await writeRetainedBackends(this.#retainedFile, this.#roster.active, log);
      log.info({ op: "read-config", backend: backend.channel }, "network configuration changed");
      this.#alarm.ring();
    }
  }

  /** The host's addresses and routes may change at any time: by DHCP, by an operator, with the cable. */
  async #followUnderlay(signal: AbortSignal): Promise<never> {
    const { clock, log, readiness, options } = this.#parts;
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
        const found = await findHostAgain(this.#found, this.#config, options.underlay, newest, this.#parts);
        const isNew = found !== this.#found;
        this.#found = found;
        this.#reportHost();
        if (isNew) this.#alarm.ring();
      } catch (error) {
        // Addresses go before others come: what is in force stays until there is something better.
        const reason = messageOf(error);
        log.warn({ op: "choose-interface", reason }, "the interface is gone, keeping what was known of it");
        readiness.fails("interface", reason);
      }
    }
  }

  async #keepPlanning(signal: AbortSignal): Promise<never> {
    const { clock } = this.#parts;
    for (;;) {
      const dueMs = this.#plan();
      const waitMs = dueMs === null ? Number.POSITIVE_INFINITY : dueMs - clock.nowMs();
      await this.#alarm.sleep(Math.max(0, waitMs), signal);
    }
  }

  /**
   * Nothing is touched before lease and snapshot are known: without them every peer would look gone.
   * @returns when time alone asks for another plan, in monotonic time
   */
  #plan(): number | null {
    const { clock, store, dataplane } = this.#parts;
    const { newest } = this.#publications;
    if (newest !== null && this.#hasNews(newest)) this.#republish();
    if (this.#lease === null || this.#snapshot === null) return null;
    const published = this.#publications.heldBy(this.#snapshot, this.#lease.key);
    if (published === null) return null;
    const plan = planNetwork(this.#snapshot, {
      node: { ...this.#found.host, subnets: this.#lease.subnets },
      ownKey: this.#lease.key,
      rules: networkRules(this.#config, store.kind === "kubernetes"),
      receiving: this.#roster.active,
      published: published.backends,
      keepsBlackholes: this.#parts.options.keepBlackholeRoute,
    });
    this.#rejectionLog.report(plan);
    this.#pathLog.report(plan.paths);
    this.#reconciler.setDesired(plan.state);
    dataplane.setDesired(plan.forwarding);
    this.#reportDataplane();
    this.#firewall.guard({ config: this.#config, subnets: this.#lease.subnets, origins: plan.origins });

    const used = new Set(plan.paths.map((path) => path.channel));
    const before = this.#roster.active.length;
    const dueMs = this.#roster.review(used, clock.nowMs());
    if (this.#roster.active.length < before) this.#alarm.ring();
    return dueMs;
  }

  #contentFor(backends: readonly ActiveBackend[]): LeaseContent {
    const { host } = this.#found;
    return { publicIps: host.publicIps, offers: offersOf(backends, host) };
  }

  /** Also of options that peers need not know: they come into force in the same way as all others. */
  #hasNews({ content, backends }: Publication): boolean {
    const { active } = this.#roster;
    const isSame =
      active.length === backends.length && active.every((each, index) => each === backends[index]);
    return !isSame || !isDeepStrictEqual(content, this.#contentFor(active));
  }

  async #untilSettled(signal: AbortSignal): Promise<void> {
    const { clock, dataplane } = this.#parts;
    const late = new AbortController();
    const soon = AbortSignal.any([signal, late.signal]);
    const timed = clock.sleep(SETTLE_TIMEOUT_MS, soon).then(
      () => late.abort(),
      () => undefined,
    );
    try {
      await this.#reconciler.waitUntilConverged(soon);
      while (dataplane.faults().length > 0) await clock.sleep(SETTLE_POLL_MS, soon);
    } catch {
      signal.throwIfAborted();
    } finally {
      late.abort();
      await timed;
    }
  }

  #afterPass(status: ReconcileStatus): void {
    const { readiness } = this.#parts;
    this.#hasPassed = true;
    if (status.converged) readiness.holds("kernel");
    else readiness.fails("kernel", describeUnsettled(status));
    this.#writeSubnetFile();
  }

  /** Not before kernel and firewall had their first turn: a pod that starts on this file finds its network there. */
  #writeSubnetFile(): void {
    if (this.#lease === null || !this.#hasPassed || !this.#firewall.hasStood) return;
    const { host } = this.#found;
    const { mtuBytes } = this.#roster.preferred.endpoint(host);
    const network = { networks: host.networks, subnets: this.#lease.subnets, mtuBytes };
    this.#subnetFile.put(network);
    this.#cni.put(network);
    this.#parts.store.networkIsUp?.();
  }

  #reportDataplane(): void {
    const { dataplane, readiness } = this.#parts;
    const [fault] = dataplane.faults();
    if (fault === undefined) readiness.holds("dataplane");
    else readiness.fails("dataplane", fault);
  }

  #reportHost(): void {
    const { missingFamilies } = this.#found;
    if (missingFamilies.length === 0) this.#parts.readiness.holds("interface");
    else this.#parts.readiness.fails("interface", missingFamilies.join("; "));
  }
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
