/** The desired rules of a node: plain data, written by either writer. */
import type { DualStack } from "../../net/index.ts";
import type { PacketFilter } from "./packet-origins.ts";
import type { Rule } from "./rule.ts";

export interface RuleSet {
  /** null for a family that is off: rules that an earlier setting left are removed. */
  readonly families: DualStack<FamilyRules>;
  /** The packet filter against forged packets; null when it is off. Needs nftables. */
  readonly packetFilter: PacketFilter | null;
}

export interface FamilyRules {
  /** Applied in order after routing; null without masquerading. */
  readonly masquerade: readonly Rule[] | null;
  /** Applied in order to forwarded packets; null where forwarding is left to the host. */
  readonly forward: readonly Rule[] | null;
}

/** No rules: all of ours are removed. */
export const NO_RULES: RuleSet = { families: { v4: null, v6: null }, packetFilter: null };

export const NO_FAMILY_RULES: FamilyRules = { masquerade: null, forward: null };
