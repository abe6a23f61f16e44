/**
 * The desired state of this node, handed out at one place to those that make it so: the reconciler of the kernel, the
 * effectors of the backends, the firewall. How far each has come is told in one form: why it does not stand, or null.
 */
import type { BackendPlan, LocalNode } from "../../backends/backend.ts";
import type { ObservedState } from "../kernel/observed.ts";
import type { Ownership } from "../kernel/reconcile/ownership.ts";
import { Reconciler } from "../kernel/reconcile/reconciler.ts";
import type { ReconcileStatus } from "../kernel/reconcile/status.ts";
import type { KernelState } from "../kernel/state.ts";
import type { Effectors, PlannedEffect } from "./effectors.ts";
import { type Guarded, NodeFirewall, type NodeFirewallParts } from "./firewall/node-firewall.ts";
import { planOwnPart } from "./network-plan.ts";
import { unsettledKernel } from "./reports/unsettled-kernel.ts";
import { type ActiveBackend, ownPlan } from "./switch-over/active-backend.ts";
import type { Parts } from "./switch-over/event.ts";
import type { Surroundings } from "./underlay/host.ts";

export interface DesiredState {
  readonly kernel: KernelState;
  readonly effects: readonly PlannedEffect[];
  readonly guarded: Guarded;
}

export interface DataPathParts extends Omit<Surroundings, "store">, NodeFirewallParts {
  readonly effectors: Effectors;
}

export interface DataPathListener {
  /** A pass over the kernel has ended. */
  onPass(status: ReconcileStatus): void;
  /** Effects or firewall have come further, or fallen back. */
  onChange(): void;
  /** What is not ours in the kernel has changed. */
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

  /** From now on, for kernel and effects; the firewall follows with {@link guard}. */
  setDesired(desired: DesiredState): void {
    const { effectors, readiness } = this.#parts;
    this.#desired = desired;
    this.#reconciler.setDesired(desired.kernel);
    effectors.setDesired(desired.effects);
    effectors.report(readiness);
  }

  /** Hands the firewall what is desired. */
  guard(): void {
    if (this.#desired !== null) this.#firewall.guard(this.#desired.guarded);
  }

  /** How far the desired state stands for each of these. */
  partsOf(backends: readonly ActiveBackend[], node: LocalNode): Parts<ActiveBackend> {
    const kernel = new Set<ActiveBackend>();
    const effects = new Set<ActiveBackend>();
    for (const backend of backends) {
      const plan = ownPlan(backend, node);
      if (plan.state.links.every(({ name }) => this.#reconciler.isRaised(name))) kernel.add(backend);
      if (this.#missingEffect(backend, plan) === null) effects.add(backend);
    }
    return { kernel, effects, firewall: this.#firewall.isSettled };
  }

  /** Why this node's own part of a backend's paths does not stand, whatever peers there are; null when it does. */
  missing(backend: ActiveBackend, node: LocalNode, keepsBlackholes: boolean): string | null {
    const missing = this.#reconciler.missing(planOwnPart(backend, node, keepsBlackholes));
    return missing ?? this.#missingEffect(backend, ownPlan(backend, node));
  }

  /** The firewall stood once, or could not be made to: nobody needs to wait for it any more. */
  get hasFirewall(): boolean {
    return this.#firewall.hasStood;
  }

  /** Rejects with the signal's reason when it aborts. The data path stays, but for what would outlive its renewals. */
  async run(signal: AbortSignal): Promise<void> {
    const { effectors, readiness } = this.#parts;
    this.#reconciler.onPass((status) => {
      readiness.report("kernel", unsettledKernel(status));
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

  /** To be called at the end, whatever ended the daemon. */
  release(): Promise<void> {
    return this.#firewall.release();
  }

  #missingEffect(backend: ActiveBackend, { effect }: BackendPlan): string | null {
    if (effect === null) return null;
    return this.#parts.effectors.missing(backend.type, backend.channel);
  }
}
