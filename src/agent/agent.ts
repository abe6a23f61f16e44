/**
 * The node agent, the only stateful loop: it holds the node's lease, follows everybody else's, and tells the
 * reconciler what the kernel should look like. Everything it decides is decided by pure functions beside it.
 */
import { isDeepStrictEqual } from "node:util";
import type { LocalNode } from "../../backends/backend.ts";
import type { Dataplane } from "../../backends/dataplane.ts";
import type { DaemonOptions } from "../config/daemon-options.ts";
import { DEVICE_NAME, type Ownership } from "../kernel/reconcile/ownership.ts";
import { Reconciler } from "../kernel/reconcile/reconciler.ts";
import type { ReconcileStatus } from "../kernel/reconcile/status.ts";
import type { LeaseSnapshot } from "../lease/lease.ts";
import type { HeldLease } from "../lease/store.ts";
import type { DualPrefix } from "../net/index.ts";
import { validConfigurations, watchForChange } from "./configuration.ts";
import { networksOf, underlayRoutes } from "./local-host.ts";
import { networkRules, planNetwork } from "./network-plan.ts";
import type { ReadyCondition } from "./node-readiness.ts";
import type { Readiness } from "./readiness.ts";
import { RejectionLog } from "./rejection-log.ts";
import { type Setting, type Surroundings, settle, untilItWorks } from "./setting.ts";
import { SubnetFile } from "./subnet-file.ts";

/** Everything with an effect comes from outside, so that a cluster can run in one process on fakes. */
export interface AgentParts extends Surroundings {
  readonly options: Pick<DaemonOptions, "underlay" | "subnetFile" | "firewall">;
  readonly readiness: Readiness<ReadyCondition>;
  /** Carries the packets of a userspace backend. */
  readonly dataplane: Dataplane;
}

export class Agent {
  readonly #parts: AgentParts;
  readonly #rejections: RejectionLog;
  #held: HeldLease | null = null;
  #snapshot: LeaseSnapshot | null = null;

  constructor(parts: AgentParts) {
    this.#parts = parts;
    this.#rejections = new RejectionLog(parts.log);
    parts.dataplane.onChange(() => this.#reportDataplane());
  }

  /**
   * Runs until the signal aborts, and leaves the data path in place.
   * @throws TweedError when this host cannot serve the configuration (`unsuitable-host`)
   */
  async run(signal: AbortSignal): Promise<void> {
    const ended = new AbortController();
    try {
      await this.#serve(AbortSignal.any([signal, ended.signal]));
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      ended.abort(new Error("the agent has ended"));
    }
  }

  async #serve(signal: AbortSignal): Promise<void> {
    const { store, log, readiness, options } = this.#parts;
    const configurations = validConfigurations(store.configurations(signal), (reason) => {
      log.error({ op: "read-config", reason }, "network configuration refused");
      if (this.#held === null) readiness.fails("configuration", reason);
    });
    const first = await configurations.next();
    if (first.done) return signal.throwIfAborted();
    readiness.holds("configuration");

    const onFault = (reason: string) => {
      log.warn({ op: "choose-interface", reason }, "no interface yet");
      readiness.fails("interface", reason);
    };
    const setting = await settle(first.value, options, this.#parts, onFault, signal);
    if (setting.missingFamilies.length === 0) readiness.holds("interface");
    else readiness.fails("interface", setting.missingFamilies.join("; "));

    const reconciler = this.#reconcilerFor(setting);
    const subnetFile = new SubnetFile(options, this.#parts);
    reconciler.onPass((status) => {
      this.#reportKernel(status);
      // Not before the first pass: a pod that starts on this file shall find the network there.
      if (this.#held !== null) subnetFile.put({ ...setting, subnets: this.#held.lease.subnets });
    });
    // Whichever fails takes the others down; until the signal aborts none of them ends.
    await Promise.all([
      reconciler.run(signal),
      subnetFile.run(signal),
      this.#parts.dataplane.run(signal),
      this.#holdLease(setting, reconciler, signal),
      this.#followLeases(setting, reconciler, signal),
      watchForChange(first.value, configurations, log),
    ]);
  }

  #reconcilerFor(setting: Setting): Reconciler {
    const { kernel, clock, random, log } = this.#parts;
    const ownership: Ownership = { networks: ownNetworks(setting), deviceName: DEVICE_NAME };
    const reconciler = new Reconciler({ kernel, clock, random, log, ownership });
    reconciler.onUnderlayChange((observed) => {
      const underlay = underlayRoutes(observed.routes, setting.host.networks);
      if (isDeepStrictEqual(underlay, setting.host.underlay)) return;
      setting.host = { ...setting.host, underlay };
      this.#plan(setting, reconciler);
    });
    return reconciler;
  }

  #reportKernel(status: ReconcileStatus): void {
    const { readiness } = this.#parts;
    if (status.converged) readiness.holds("kernel");
    else readiness.fails("kernel", describeUnsettled(status));
  }

  #reportDataplane(): void {
    const { dataplane, readiness } = this.#parts;
    const [fault] = dataplane.faults();
    if (fault === undefined) readiness.holds("dataplane");
    else readiness.fails("dataplane", fault);
  }

  /** Acquires the lease and keeps it; when it is lost the data path stays as it is while a new one is sought. */
  async #holdLease(setting: Setting, reconciler: Reconciler, signal: AbortSignal): Promise<never> {
    const { store, log, readiness } = this.#parts;
    const { config, content, previous } = setting;
    let previousSubnets: DualPrefix = previous.subnets;
    for (;;) {
      const onFault = (reason: string) => {
        log.warn({ op: "acquire-lease", reason }, "no lease yet");
        readiness.fails("lease", reason);
      };
      const acquire = () => store.acquire({ config, content, previousSubnets }, signal);
      this.#held = await untilItWorks(acquire, this.#parts, onFault, signal);
      const { key, subnets } = this.#held.lease;
      log.info({ op: "acquire-lease", key, subnet: subnets, backend: setting.backend.type }, "lease held");
      readiness.holds("lease");
      previousSubnets = subnets;
      this.#plan(setting, reconciler);

      const reason = await store.keep(this.#held, signal);
      log.error({ op: "keep-lease", key, reason }, "lease lost, seeking it again");
      readiness.fails("lease", `the lease was lost: ${reason}`);
    }
  }

  async #followLeases(setting: Setting, reconciler: Reconciler, signal: AbortSignal): Promise<void> {
    for await (const snapshot of this.#parts.store.snapshots(signal)) {
      this.#snapshot = snapshot;
      this.#plan(setting, reconciler);
    }
  }

  /** Nothing is touched before both are known: without the first snapshot every peer would look gone. */
  #plan(setting: Setting, reconciler: Reconciler): void {
    if (this.#held === null || this.#snapshot === null) return;
    const { config, backend, host } = setting;
    const { key, subnets } = this.#held.lease;
    const node: LocalNode = { ...host, subnets };
    const rules = networkRules(config, this.#parts.store.kind === "kubernetes");
    const plan = planNetwork(this.#snapshot, { node, ownKey: key, rules, backend });
    this.#rejections.report(plan);
    reconciler.setDesired(plan.state);
    this.#parts.dataplane.setDesired(plan.forwarding);
    this.#reportDataplane();
  }
}

/** Of this configuration, and of the one that the last daemon left objects of. */
function ownNetworks({ config, previous }: Setting): Ownership["networks"] {
  const { v4, v6 } = networksOf(config);
  return [v4, v6, previous.networks.v4, previous.networks.v6].filter((network) => network !== null);
}

function describeUnsettled({ failures }: ReconcileStatus): string {
  const [first, ...others] = failures;
  const reason = first === undefined ? "it is being programmed" : first.message;
  const more = others.length === 0 ? "" : `, and ${others.length} more`;
  return `the kernel does not agree yet: ${reason}${more}`;
}
