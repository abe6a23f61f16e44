/** How far the host's packet filters agree with the desired rules: for readiness, metrics and the status document. */
export interface RuleStatus {
  /**
   * The program that writes the rules: "iptables" where the families have different ones; null before the first
   * comparison, and where no rules are desired or no program can write them.
   */
  readonly writer: "nftables" | "iptables" | null;
  /** True when the last comparison found every rule in its place. */
  readonly converged: boolean;
  /** Why the node is not ready, each with the fix; empty when it is. */
  readonly faults: readonly string[];
  /** What the node lacks although it is ready. */
  readonly notes: readonly string[];
  /** Transactions since the start. */
  readonly writes: number;
  /** Monotonic time of the last comparison that found no difference; null before the first. */
  readonly lastAgreedMs: number | null;
}

export interface FirewallStatus extends RuleStatus {
  /** A sentence for each chain of another program that drops forwarded packets unless one of its rules accepts them. */
  readonly blockers: readonly string[];
}
