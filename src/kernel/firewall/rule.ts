/** One rule of a packet filter as plain data, independent of iptables and nftables. */
import type { Prefix } from "../../net/index.ts";

export interface Rule {
  /** All conditions that are present must hold; without any, every packet matches. */
  readonly match: {
    readonly mark?: MarkMatch;
    readonly source?: PrefixMatch;
    readonly destination?: PrefixMatch;
  };
  readonly verdict: Verdict;
}

/** Matches when all bits of `bits` are set in the packet's mark; other bits are ignored. */
export interface MarkMatch {
  readonly bits: number;
}

export interface PrefixMatch {
  readonly prefix: Prefix;
  readonly negated: boolean;
}

export type Verdict = "accept" | "return" | "masquerade" | "masquerade-fully-random";

export function within(prefix: Prefix): PrefixMatch {
  return { prefix, negated: false };
}

export function outside(prefix: Prefix): PrefixMatch {
  return { prefix, negated: true };
}
