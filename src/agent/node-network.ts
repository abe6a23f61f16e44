/**
 * The node's network: a loop that dispatches events to the switch-over (`switch-over/reducer.ts`) and carries out its
 * effects. It makes no decisions. It holds the newest value of each input; on demand, pure functions compute the whole
 * plan from them.
 */
import type { LocalHost, LocalNode } from "../../backends/backend.ts";
import type { DaemonOptions } from "../config/daemon-options.ts";
import type { NetworkConfig } from "../config/network-config.ts";
import { DEVICE_NAME, type Ownership } from "../kernel/reconcile/ownership.ts";
import type { ReconcileStatus } from "../kernel/reconcile/status.ts";
import type { Holders } from "../lease/holders.ts";
import type { HostIdentity } from "../lease/host-identity.ts";
import type { Lease } from "../lease/lease.ts";
import { withoutFormerLeases } from "../lease/own-leases.ts";
import { formatSubnetKey } from "../lease/subnet-key.ts";
import { Alarm } from "../runtime/alarm.ts";
import { forEachItem } from "../runtime/for-each-item.ts";
import { PodNetwork } from "./cni/pod-network.ts";
import type { PreviousSubnetEnv } from "./cni/subnet-env.ts";
import type { Configuration } from "./configuration/configuration.ts";
import { lastGoodConfigFile } from "./configuration/last-good-config.ts";
import { LiveChanges } from "./configuration/live-changes.ts";
import type { RefusedConfiguration } from "./configuration/refused-configurations.ts";
import { DataPath } from "./data-path.ts";
import type { Effectors } from "./effectors.ts";
import type { Firewall } from "./firewall/node-firewall.ts";
import { isReversePathStrict, type ReadSysctl } from "./firewall/sysctl-advice.ts";
import { HoldersFile, holdersFile } from "./holders-file.ts";
import { OwnIdentities } from "./identity/own-identities.ts";
import { InvariantReport } from "./invariants/invariant-report.ts";
import { planViolations } from "./invariants/plan-invariants.ts";
import { LeaseListing } from "./lease-listing.ts";
import { leasableRanges, networkRules, planOwnParts } from "./network-plan.ts";
import { OwnLease } from "./own-lease.ts";
import { type PlanInputs, Planner } from "./planner.ts";
import { NetworkReport } from "./reports/network-report.ts";
import type { NodeNotes } from "./reports/node-notes.ts";
import type { ReadyCondition } from "./reports/node-readiness.ts";
import type { NodeReport } from "./reports/node-report.ts";
import type { Readiness } from "./reports/readiness.ts";
import { WithdrawalReport } from "./reports/withdrawal-report.ts";
import { type ActiveBackend, isOffered } from "./switch-over/active-backend.ts";
import type { SwitchOverEffect } from "./switch-over/effect.ts";
import { advertiserOn } from "./switch-over/host-advertiser.ts";
import { SwitchOverMachine } from "./switch-over/machine.ts";
import { RetainedBackends, retainedBackendsFile } from "./switch-over/retained-backends.ts";
import { convergingBackends, initialState, plannedBackends, preferredOf } from "./switch-over/state.ts";
import { HostFollower } from "./underlay/follow-host.ts";
import type { FirstHost, Surroundings } from "./underlay/host.ts";
import { InterfaceReport } from "./underlay/interface-report.ts";
import { networksOf } from "./underlay/local-host.ts";

export interface NodeParts extends Surroundings {
  /** The identity of this node; null where the store identifies nodes itself. */
  readonly identity: HostIdentity | null;
  readonly options: Pick<
    DaemonOptions,
    "underlay" | "subnetFile" | "firewall" | "keepBlackholeRoute" | "cni"
  >;
  readonly readiness: Readiness<ReadyCondition>;
  readonly report: NodeReport;
  readonly notes: NodeNotes;
  /** Provide what backends need beyond kernel objects. */
  readonly effectors: Effectors;
  readonly firewall: Firewall;
  readonly readSysctl: ReadSysctl;
}

/** The configuration that the node starts with, and a newer one that its host cannot serve as it is. */
export interface FirstConfiguration {
  readonly configuration: Configuration;
  readonly refused: RefusedConfiguration | null;
}

/** What a daemon on this host left in files. */
export interface EarlierRun {
  readonly retained: readonly ActiveBackend[];
  readonly previous: PreviousSubnetEnv;
  readonly holders: Holders | null;
}

export class NodeNetwork {
  readonly #parts: NodeParts;
  readonly #switchOver: SwitchOverMachine<ActiveBackend>;
  readonly #path: DataPath;
  readonly #pods: PodNetwork;
  readonly #lease: OwnLease;
  readonly #liveChanges: LiveChanges;
  readonly #retained: RetainedBackends;
  readonly #holdersFile: HoldersFile;
  readonly #host: HostFollower;
  readonly #interface: InterfaceReport;
  readonly #report: NetworkReport;
  readonly #listing: LeaseListing;
  readonly #withdrawals: WithdrawalReport;
  readonly #invariants: InvariantReport;
  readonly #identities: OwnIdentities;
  /** Rings when a plan is due, and when the wake-up time has changed. */
  readonly #alarm: Alarm;
  #config: NetworkConfig;
  #isPlanDue = false;
  #plans = 0;
  readonly #planner: Planner;

  constructor(
    parts: NodeParts,
    { configuration: { config, backend }, refused }: FirstConfiguration,
    { found, lastLease, memory }: FirstHost,
    { retained, previous, holders }: EarlierRun,
  ) {
    const { clock, options } = parts;
    this.#parts = parts;
    this.#config = config;
    this.#planner = new Planner(holders);
    this.#identities = new OwnIdentities(found.host.identities, parts);
    this.#alarm = new Alarm(clock);
    this.#interface = new InterfaceReport(parts);
    this.#host = new HostFollower(found, memory, this.#interface, parts);
    this.#report = new NetworkReport(parts);
    this.#listing = new LeaseListing(parts.store, (event) => this.#switchOver.dispatch(event));
    this.#withdrawals = new WithdrawalReport(parts);
    this.#invariants = new InvariantReport(parts);
    const host = advertiserOn(found.host);
    const formerPeers = peersOf(holders, lastLease, previous);
    const state = initialState({ preferred: backend, retained, lastLease, formerPeers, isOffered, host });
    this.#switchOver = new SwitchOverMachine(state, clock, (effect) => this.#carryOut(effect));
    this.#lease = new OwnLease(
      parts,
      previous.subnets,
      () => this.#config,
      (event) => this.#switchOver.dispatch(event),
    );
    const target = {
      host: () => this.#host.found.host,
      putIntoForce: ({ config, backend }: Configuration) => {
        this.#config = config;
        this.#switchOver.dispatch({ kind: "configuration accepted", backend });
      },
      lastGoodFile: lastGoodConfigFile(options.subnetFile),
    };
    this.#liveChanges = new LiveChanges(config, refused, target, parts);
    this.#retained = new RetainedBackends(retainedBackendsFile(options.subnetFile), parts, (backends) =>
      this.#switchOver.dispatch({ kind: "backends retained", backends }),
    );
    this.#holdersFile = new HoldersFile(holdersFile(options.subnetFile), parts);
    const { health } = parts.store;
    const onHealth = () =>
      this.#switchOver.dispatch({ kind: "store health changed", isAway: health.outage !== null });
    health.onChange(onHealth);
    onHealth();
    const ownership: Ownership = { networks: ownNetworks(config, previous), deviceName: DEVICE_NAME };
    this.#pods = new PodNetwork(parts, ownership.networks, previous.subnets);
    this.#path = new DataPath(parts, ownership, {
      onPass: (status) => this.#afterPass(status),
      onChange: () => {
        this.#offerNetwork();
        this.#reportParts();
      },
      onUnderlayChange: (observed) => {
        this.#pods.observe(observed);
        this.#host.observe(observed);
      },
    });
  }

  /** Rejects with the signal's reason when it aborts, and leaves the data path in place. */
  async run(configurations: AsyncIterable<Configuration>, signal: AbortSignal): Promise<void> {
    const inForce = () => ({ config: this.#config, backend: preferredOf(this.#switchOver.state) });
    // The first failure ends all of them; until the signal aborts none of them returns.
    const parts = [
      this.#loop(signal),
      this.#path.run(signal),
      this.#pods.run(signal),
      this.#retained.run(signal),
      this.#holdersFile.run(signal),
      this.#lease.run(signal),
      this.#followLeases(signal),
      this.#listing.run(signal),
      this.#liveChanges.run(configurations, signal),
      this.#host.run(inForce, () => this.#dispatchHost(), signal),
    ];
    try {
      await Promise.all(parts);
    } finally {
      await this.#path.release();
    }
  }

  async #loop(signal: AbortSignal): Promise<never> {
    const { clock } = this.#parts;
    for (;;) {
      this.#switchOver.dispatch({ kind: "time passed" });
      if (this.#isPlanDue) {
        // Sockets and timers get their turn between two steps of a plan.
        await clock.turn();
        this.#judge();
        await clock.turn();
        const check = this.#plan();
        await clock.turn();
        check?.();
      }
      const { wakeAtMs } = this.#switchOver.state;
      const waitMs = wakeAtMs === null ? Number.POSITIVE_INFINITY : wakeAtMs - clock.nowMs();
      await this.#alarm.sleep(Math.max(0, waitMs), signal);
    }
  }

  #carryOut(effect: SwitchOverEffect<ActiveBackend>): void {
    switch (effect.kind) {
      case "plan":
        this.#isPlanDue = true;
        this.#alarm.ring();
        break;
      case "update firewall":
        this.#path.updateFirewall();
        this.#reportParts();
        break;
      case "publish":
        this.#lease.publish(effect.advertisement);
        break;
      case "retain":
        this.#retained.put(effect.backends);
        break;
      case "read leases":
        this.#listing.request();
        break;
      case "report withdrawals":
        this.#withdrawals.update(this.#switchOver.state.withdrawals);
        break;
      case "wake":
        this.#alarm.ring();
        break;
    }
  }

  async #followLeases(signal: AbortSignal): Promise<void> {
    await forEachItem(this.#parts.store.snapshots(signal), (snapshot) =>
      this.#switchOver.dispatch({ kind: "snapshot received", snapshot }),
    );
  }

  #dispatchHost(): void {
    this.#switchOver.dispatch({ kind: "host changed", host: advertiserOn(this.#localHost()) });
    this.#liveChanges.hostChanged();
  }

  #localHost(): LocalHost {
    return { ...this.#host.found.host, identities: this.#identities.current };
  }

  #nodeWith({ subnets }: Lease): LocalNode {
    return { ...this.#localHost(), subnets };
  }

  /** null where nothing can be planned. */
  #planInputs(): PlanInputs | null {
    const inputs = plannedBackends(this.#switchOver.state);
    if (inputs === null) return null;
    const { lease, snapshot, receiving, inForce } = inputs;
    const { store, readSysctl, identity, options, backends } = this.#parts;
    const node = this.#nodeWith(lease);
    const { host } = this.#host.found;
    return {
      snapshot: withoutFormerLeases(snapshot, lease.key, identity),
      context: {
        node,
        ownKey: lease.key,
        rules: networkRules(this.#config, store.subnets === "assigned"),
        receiving,
        published: inForce,
        checksReversePath: isReversePathStrict(node.iface.name, readSysctl),
        keepsBlackholes: options.keepBlackholeRoute,
        backends,
      },
      basis: [
        ...[snapshot, lease, host, this.#config, this.#identities.current],
        ...[...receiving, null, ...inForce],
      ],
    };
  }

  #judge(): void {
    const inputs = this.#isPlanDue ? this.#planInputs() : null;
    if (inputs !== null) this.#planner.judge(inputs);
  }

  /** Makes one plan of all changes since it was requested. @returns the check of its invariants; null without a plan */
  #plan(): (() => void) | null {
    const inputs = this.#isPlanDue ? this.#planInputs() : null;
    this.#isPlanDue = false;
    if (inputs === null) {
      this.#planner.forget();
      return null;
    }
    const { node, ownKey, receiving, published } = inputs.context;
    const plan = this.#planner.plan(inputs);
    this.#holdersFile.put(plan.holders);
    const identitiesDue = this.#identities.review(plan.contested);
    if (identitiesDue === "changed") {
      // Before any part of the plan comes into force: a MAC of another node must not be used.
      this.#dispatchHost();
      this.#isPlanDue = true;
      return this.#plan();
    }
    this.#interface.contested(plan.contested);
    this.#report.planned(plan);
    const { state: kernel, effects, origins } = plan;
    const leasable = leasableRanges(this.#config, this.#parts.store.subnets === "assigned");
    const firewall = { config: this.#config, subnets: node.subnets, leasable, origins };
    this.#path.setDesired({ kernel, effects, firewall });
    const used = new Set(plan.paths.map((path) => path.channel));
    const peers = new Set(plan.paths.map(({ peer }) => peer));
    this.#switchOver.dispatch({
      kind: "planned",
      backends: receiving,
      used,
      peers,
      replanAtMs: identitiesDue,
    });
    this.#reportParts();
    const checked = {
      leases: inputs.snapshot.leases,
      ownKey,
      ownSubnets: node.subnets,
      round: this.#plans++,
    };
    return () =>
      this.#invariants.checked(["shared-prefix", "unleased-object"], () =>
        planViolations(plan, { ...checked, ownPart: planOwnParts([...receiving, ...published], node) }),
      );
  }

  #reportParts(): void {
    const { lease } = this.#switchOver.state;
    const backends = convergingBackends(this.#switchOver.state);
    if (lease === null || backends.length === 0) return;
    const parts = this.#path.partsOf(backends, this.#nodeWith(lease));
    this.#switchOver.dispatch({ kind: "parts reported", parts });
  }

  #afterPass(status: ReconcileStatus): void {
    this.#switchOver.dispatch({ kind: "kernel passed" });
    this.#reportParts();
    this.#invariants.checked(["unnamed-object"], () =>
      status.unnamed.length === 0 ? [] : [{ code: "unnamed-object", found: status.unnamed }],
    );
    this.#report.passed(status, this.#switchOver.state.lease?.subnets ?? null);
    this.#offerNetwork();
  }

  /** Waits for the first pass of kernel and firewall, so that a pod can reach its peers. */
  #offerNetwork(): void {
    const { state } = this.#switchOver;
    const { lease, hasPassed, planned } = state;
    if (lease === null || !hasPassed || !this.#path.hasFirewall) return;
    const preferred = preferredOf(state);
    const { host } = this.#host.found;
    const { keepBlackholeRoute } = this.#parts.options;
    this.#pods.offer(lease, host, preferred.publish(host).podMtuBytes, () =>
      planned.has(preferred)
        ? this.#path.missing(preferred, this.#nodeWith(lease), keepBlackholeRoute)
        : `${preferred.channel} is not planned yet`,
    );
  }
}

/** Of an earlier daemon: the keys of leases that it knew, without its own. */
function peersOf(
  holders: Holders | null,
  lastLease: Lease | null,
  { subnets }: PreviousSubnetEnv,
): ReadonlySet<string> {
  const keys = new Set(Array.from(holders ?? [], ([, key]) => key));
  if (lastLease !== null) keys.delete(lastLease.key);
  if (subnets.v4 !== null || subnets.v6 !== null) keys.delete(formatSubnetKey(subnets));
  return keys;
}

/** The networks of this configuration, and of the one whose objects the last daemon left behind. */
function ownNetworks(config: NetworkConfig, previous: PreviousSubnetEnv): Ownership["networks"] {
  const { v4, v6 } = networksOf(config);
  return [v4, v6, previous.networks.v4, previous.networks.v6].filter((network) => network !== null);
}
