/** Our chains in iptables, with flannel's names and comments, which its users' scripts search for. */
import type { Rule } from "../rule.ts";
import type { FamilyRules } from "../rule-set.ts";

export interface ChainPlace {
  readonly table: "nat" | "filter";
  /** The kernel's chain that jumps to ours. */
  readonly builtin: "POSTROUTING" | "FORWARD";
  readonly name: string;
  /** On every rule of ours; it also identifies what flannel's early versions left. */
  readonly comment: string;
  rulesOf(rules: FamilyRules): readonly Rule[] | null;
}

export const CHAIN_PLACES: readonly ChainPlace[] = [
  {
    table: "nat",
    builtin: "POSTROUTING",
    name: "FLANNEL-POSTRTG",
    comment: "flanneld masq",
    rulesOf: (rules) => rules.masquerade,
  },
  {
    table: "filter",
    builtin: "FORWARD",
    name: "FLANNEL-FWD",
    comment: "flanneld forward",
    rulesOf: (rules) => rules.forward,
  },
];
