/**
 * Makes the node's plans, each in two turns of the process: the leases are judged in the first, and the plan is made in
 * the second. Of thousands of peers each takes tens of milliseconds.
 */
import type { Acceptance } from "../lease/accept.ts";
import type { Holders } from "../lease/holders.ts";
import type { LeaseSnapshot } from "../lease/lease.ts";
import { isSameList } from "../runtime/same-list.ts";
import { acceptLeases, type NetworkPlan, type PlanContext, planAccepted } from "./network-plan.ts";
import { PlanMemory } from "./plan-memory.ts";

export interface PlanInputs {
  readonly snapshot: LeaseSnapshot;
  readonly context: Omit<PlanContext, "holders" | "memory">;
  /** What both are made of, compared by identity. */
  readonly basis: readonly unknown[];
}

interface Judged {
  readonly basis: readonly unknown[];
  readonly acceptance: Acceptance;
}

export class Planner {
  readonly #memory = new PlanMemory();
  /** The holders of values that must be unique, as of the last plan. */
  #holders: Holders | null;
  /** No local of the caller's loop: the suspended frame of an optimized function may keep what it held long before. */
  #judged: Judged | null = null;

  /** @param holders those of an earlier daemon; null without any */
  constructor(holders: Holders | null) {
    this.#holders = holders;
  }

  /** Judges the leases, for a plan of the same inputs. */
  judge(inputs: PlanInputs): void {
    this.#judged = { basis: this.#basisOf(inputs), acceptance: this.#accept(inputs) };
  }

  /** To be called where there will be no plan. */
  forget(): void {
    this.#judged = null;
  }

  /** Judges the leases again where something has changed since. */
  plan(inputs: PlanInputs): NetworkPlan {
    const judged = this.#judged;
    this.#judged = null;
    const isCurrent = judged !== null && isSameList(judged.basis, this.#basisOf(inputs));
    const acceptance = isCurrent ? judged.acceptance : this.#accept(inputs);
    const plan = planAccepted(acceptance, this.#contextOf(inputs));
    this.#holders = plan.holders;
    return plan;
  }

  #accept(inputs: PlanInputs): Acceptance {
    return acceptLeases(inputs.snapshot, this.#contextOf(inputs));
  }

  #contextOf({ context }: PlanInputs): PlanContext {
    return { ...context, holders: this.#holders, memory: this.#memory };
  }

  #basisOf({ basis }: PlanInputs): readonly unknown[] {
    return [...basis, this.#holders];
  }
}
