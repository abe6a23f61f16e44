import type { ObservedRoute, ObservedRule } from "../observed.ts";
import type { Operation } from "../operation.ts";
import type { Failure } from "./failures.ts";

/** How far the kernel agrees with the desired state: for readiness, metrics and the status document. */
export interface ReconcileStatus {
  /**
   * True when the last pass left nothing to do. A refused sysctl does not count: where IPv6 is off there is no
   * accept_ra to write, and traffic flows without it.
   */
  readonly converged: boolean;
  readonly failures: readonly Failure[];
  /** What operations wait for, at most {@link MAX_BLOCKED} of them. */
  readonly blocked: readonly string[];
  /** Foreign routes inside our networks, as of the last pass: those that ours gave way to, and all others. */
  readonly foreign: readonly ObservedRoute[];
  /** Rules that may lead packets between pods past our routes. */
  readonly rules: readonly ObservedRule[];
  /** Passes since the state was desired. */
  readonly passes: number;
  /** Operations carried out since the start, by kind. */
  readonly operations: Readonly<Partial<Record<Operation["op"], number>>>;
  /** Monotonic time of the last full dump; null before the first. */
  readonly lastResyncMs: number | null;
}

export const MAX_BLOCKED = 20;
