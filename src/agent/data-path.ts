/**
 * Distributes the desired state of this node to the kernel reconciler, the effectors of the backends and the firewall.
 * The progress of each is reported in one form: the reason why it is not in place, or null.
 */
import type { BackendPlan, LocalNode } from "../../backends/backend.ts";
import type { ObservedState } from "../kernel/observed.ts";
import type { Ownership } from "../kernel/reconcile/ownership.ts";
import { Reconciler } from "../kernel/reconcile/reconciler.ts";
import type { ReconcileStatus } from "../kernel/reconcile/status.ts";
import type { KernelState } from "../kernel/state.ts";
import type { Effectors, PlannedEffect } from "./effectors.ts";
import { type FirewallInputs, NodeFirewall, type NodeFirewallParts } from "./firewall/node-firewall.ts";
import { planOwnPart } from "./network-plan.ts";
import { kernelNotConverged } from "./reports/kernel-convergence.ts";
import { type ActiveBackend, ownPlan } from "./switch-over/active-backend.ts";
import type { Parts } from "./switch-over/event.ts";
import type { Surroundings } from "./underlay/host.ts";

export interface DesiredState {
  readonly kernel: KernelState;
  readonly effects: readonly PlannedEffect[];
  readonly firewall: FirewallInputs;
}

export interface DataPathParts extends Omit<Surroundings, "store">, NodeFirewallParts {
  readonly effectors: Effectors;
}

export interface DataPathListener {
  /** A pass over the kernel has ended. */
  onPass(status: ReconcileStatus): void;
  /** The progress of effects or firewall has changed, in either direction. */
  onChange(): void;
  /** Kernel objects that are not ours have changed. */
  onUnderlayChange(observed: ObservedState): void;
}

export class DataPath {
  readonly #parts: DataPathParts;
  readonly #listener: DataPathListener;
  readonly #reconciler: Reconciler;
  readonly #firewall: NodeFirewall;
  #desired: DesiredState | null = null;

  constructor(parts: DataPathParts, ownership: Ownership, listener: DataPathListener) {
    this.#parts = parts;
    this.#listener = listener;
    this.#reconciler = new Reconciler({ ...parts, ownership });
    this.#firewall = new NodeFirewall(parts, () => listener.onChange());
  }

  /** Takes effect at once for kernel and effects, for the firewall with {@link updateFirewall}. */
  setDesired(desired: DesiredState): void {
    const { effectors, readiness } = this.#parts;
    this.#desired = desired;
    this.#reconciler.setDesired(desired.kernel);
    effectors.setDesired(desired.effects);
    effectors.report(readiness);
  }

  /** Passes the desired state to the firewall. */
  updateFirewall(): void {
    if (this.#desired !== null) this.#firewall.setInputs(this.#desired.firewall);
  }

  /** How far the desired state of each of these backends is in place. */
  partsOf(backends: readonly ActiveBackend[], node: LocalNode): Parts<ActiveBackend> {
    const kernel = new Set<ActiveBackend>();
    const effects = new Set<ActiveBackend>();
    for (const backend of backends) {
      const plan = ownPlan(backend, node);
      if (plan.state.links.every(({ name }) => this.#reconciler.isDeviceReady(name))) kernel.add(backend);
      if (this.#missingEffect(backend, plan) === null) effects.add(backend);
    }
    return { kernel, effects, firewall: this.#firewall.isApplied };
  }

  /** Why this node's own part of a backend's paths, without any peers, is not in place; null when it is. */
  missing(backend: ActiveBackend, node: LocalNode, keepsBlackholes: boolean): string | null {
    const missing = this.#reconciler.missing(planOwnPart(backend, node, keepsBlackholes));
    return missing ?? this.#missingEffect(backend, ownPlan(backend, node));
  }

  /** True once the firewall was in place, or could not be written: from then on nothing needs to wait for it. */
  get hasFirewall(): boolean {
    return this.#firewall.wasInPlace;
  }

  /** Rejects with the signal's reason when it aborts. The data path stays, except the filter, which needs renewal. */
  async run(signal: AbortSignal): Promise<void> {
    const { effectors, readiness } = this.#parts;
    this.#reconciler.onPass((status) => {
      readiness.report("kernel", kernelNotConverged(status));
      this.#listener.onPass(status);
    });
    this.#reconciler.onUnreadable((error) =>
      readiness.fails("kernel", `the kernel cannot be read or changed: ${error.message}`),
    );
    this.#reconciler.onUnderlayChange((observed) => this.#listener.onUnderlayChange(observed));
    effectors.onChange(() => {
      effectors.report(readiness);
      this.#listener.onChange();
    });
    await Promise.all([this.#reconciler.run(signal), effectors.run(signal), this.#firewall.run(signal)]);
  }

  /** To be called at the end, after a stop or a failure. */
  release(): Promise<void> {
    return this.#firewall.release();
  }

  #missingEffect(backend: ActiveBackend, { effect }: BackendPlan): string | null {
    if (effect === null) return null;
    return this.#parts.effectors.missing(backend.type, backend.channel);
  }
}
