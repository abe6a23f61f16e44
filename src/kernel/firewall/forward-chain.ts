/** Forward chains of all programs, with their rules as far as they are parsed here. */
import type { Family } from "../../net/index.ts";

export type ForwardVerdict = "accept" | "drop" | "reject" | "jump" | "goto" | "return";

export interface ForwardRule {
  /** The verdict on a packet that matches; null for a rule without one, or with one that is not parsed. */
  readonly verdict: ForwardVerdict | null;
  /** Target of a jump. */
  readonly target: string | null;
  /** Condition: none, one address or prefix, or others that are not parsed. */
  readonly match: "anything" | AddressMatch | "other";
}

export interface AddressMatch {
  readonly field: "source" | "destination";
  /** The address's bytes in hexadecimal, without trailing zeros. */
  readonly bytes: string;
}

/** A base chain of the hook "forward". */
export interface ForwardChain {
  /** null for iptables-legacy, which is not part of nftables. */
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
