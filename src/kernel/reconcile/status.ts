import type { ObservedRoute, ObservedRule } from "../observed.ts";
import type { Operation } from "../operation.ts";
import type { Failure } from "./failures.ts";

/** How far the kernel agrees with the desired state: for readiness, metrics and the status document. */
export interface ReconcileStatus {
  /**
   * True when the last pass left nothing to do. A refused sysctl is ignored: where IPv6 is off there is no accept_ra to
   * write, and traffic flows without it.
   */
  readonly converged: boolean;
  readonly failures: readonly Failure[];
  /** What blocked operations wait for, at most {@link MAX_BLOCKED} entries. */
  readonly blocked: readonly string[];
  /** All foreign routes inside our networks, as of the last pass, with or without precedence over ours. */
  readonly foreign: readonly ObservedRoute[];
  /** Rules that may divert packets between pods from our routes. */
  readonly rules: readonly ObservedRule[];
  /** Objects of ours that are neither desired nor being removed, as text: a fault of the reconciler. */
  readonly unnamed: readonly string[];
  /** Passes since the desired state was set. */
  readonly passes: number;
  /** Operations that succeeded since the start, by kind. */
  readonly operations: Readonly<Partial<Record<Operation["op"], number>>>;
  /** Monotonic time of the last full dump; null before the first. */
  readonly lastResyncMs: number | null;
}

export const MAX_BLOCKED = 20;
