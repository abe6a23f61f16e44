/** Chains of any program that every forwarded packet passes, as far as their rules are understood here. */
import type { Family } from "../../net/index.ts";

export type ForwardVerdict = "accept" | "drop" | "reject" | "jump" | "goto" | "return";

export interface ForwardRule {
  /** What becomes of a packet that matches; null where the rule decides nothing, or in no way that is known here. */
  readonly verdict: ForwardVerdict | null;
  /** Of a jump. */
  readonly target: string | null;
  /** What a packet has to be: anything, of one address or prefix, or more than is known here. */
  readonly match: "anything" | AddressMatch | "other";
}

export interface AddressMatch {
  readonly field: "source" | "destination";
  /** The address's bytes as hexadecimal, without zeros behind. */
  readonly bytes: string;
}

/** A base chain of the hook "forward". */
export interface ForwardChain {
  /** null for iptables-legacy, which is no part of nftables. */
  readonly table: { readonly family: "ip" | "ip6" | "inet"; readonly name: string } | null;
  readonly families: readonly Family[];
  readonly name: string;
  readonly policy: "accept" | "drop";
  readonly rules: readonly ForwardRule[];
}

export function addressBytes(bytes: Uint8Array): string {
  return Buffer.from(bytes)
    .toString("hex")
    .replace(/(?:00)+$/, "");
}
