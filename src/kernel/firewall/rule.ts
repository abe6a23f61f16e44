/** One rule of a packet filter as plain data, before it is written for iptables or for nftables. */
import type { Prefix } from "../../net/index.ts";

export interface Rule {
  /** Every condition that is there has to hold; none at all matches every packet. */
  readonly match: {
    readonly mark?: MarkMatch;
    readonly source?: PrefixMatch;
    readonly destination?: PrefixMatch;
  };
  readonly verdict: Verdict;
}

/** True when all bits of `bits` are set in the packet's mark, and the others have any value. */
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
