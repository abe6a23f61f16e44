/** How far the host's packet filters agree with the rules: for readiness, metrics and the status document. */
export interface FirewallStatus {
  /** Who keeps the rules, "iptables" where one family has the one and one the other; null before the first turn, and when there is nothing to keep or nobody to do it. */
  readonly writer: "nftables" | "iptables" | null;
  /** True when the last look found every rule in its place. */
  readonly converged: boolean;
  /** Why the node is not ready, in words that say what to do; empty when it is. */
  readonly faults: readonly string[];
  /** What the node goes without although it is ready. */
  readonly notes: readonly string[];
  /** Chains of other programs that drop what is forwarded, unless a rule of theirs accepts it; a sentence for each. */
  readonly blockers: readonly string[];
  /** Transactions since the start. */
  readonly writes: number;
  /** Monotonic time of the last look that found everything right; null before the first. */
  readonly lastAgreedMs: number | null;
}
