/** How far the host's packet filters agree with the desired rules: for readiness, metrics and the status document. */
export interface RuleStatus {
  /**
   * Which program writes the rules: "iptables" where one family has that and one the other; null before the first comparison,
   * and where no rules are wanted or no program can write them.
   */
  readonly writer: "nftables" | "iptables" | null;
  /** True when the last comparison found every rule in its place. */
  readonly converged: boolean;
  /** Why the node is not ready, in words that say what to do; empty when it is. */
  readonly faults: readonly string[];
  /** What the node goes without although it is ready. */
  readonly notes: readonly string[];
  /** Transactions since the start. */
  readonly writes: number;
  /** Monotonic time of the last comparison that found no difference; null before the first. */
  readonly lastAgreedMs: number | null;
}

export interface FirewallStatus extends RuleStatus {
  /** Chains of other programs that drop what is forwarded, unless a rule of theirs accepts it; a sentence for each. */
  readonly blockers: readonly string[];
}
