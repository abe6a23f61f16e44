import type { AddressRange, PacketOrigins } from "../../kernel/firewall/packet-origins.ts";
import { outside, type Rule, type Verdict, within } from "../../kernel/firewall/rule.ts";
import type { FamilyRules, RuleSet } from "../../kernel/firewall/rule-set.ts";
import {
  type DualPrefix,
  type DualStack,
  FAMILIES,
  type Family,
  type Prefix,
  parsePrefix,
  prefixFamily,
} from "../../net/index.ts";

export interface FirewallOptions {
  readonly masquerade: boolean;
  readonly masqueradeFullyRandom: boolean;
  readonly forwardRules: boolean;
  readonly forgedPackets: "drop" | "log" | "ignore";
}

export interface FirewallSituation {
  readonly options: FirewallOptions;
  readonly networks: DualPrefix;
  /** What of the networks can be leased. */
  readonly leasable: DualStack<AddressRange>;
  /** This node's own; null as long as there is no lease, and then the family has no rules. */
  readonly subnets: DualPrefix;
  /** Destinations to which pods show their own address. */
  readonly masqueradeExclusions: readonly Prefix[];
  readonly origins: PacketOrigins;
}

/** kube-proxy sets this bit on what it masquerades itself (KUBE-MARK-MASQ). */
const KUBE_PROXY_MASQUERADE_MARK = 0x4000;

const MULTICAST: Readonly<Record<Family, Prefix>> = {
  v4: parsePrefix("224.0.0.0/4"),
  v6: parsePrefix("ff00::/8"),
};

/** The rules of a node. Their order is flannel's, which other programs compare as text. */
export function planFirewall(situation: FirewallSituation): RuleSet {
  const { options, leasable, subnets, origins } = situation;
  const families = { v4: familyRules("v4", situation), v6: familyRules("v6", situation) };
  const isIdle = FAMILIES.every((family) => families[family] === null);
  if (options.forgedPackets === "ignore" || isIdle) return { families, packetFilter: null };
  const { forgedPackets: action } = options;
  return { families, packetFilter: { ...origins, action, leasable, subnets } };
}

function familyRules(family: Family, situation: FirewallSituation): FamilyRules | null {
  const { options, masqueradeExclusions } = situation;
  const network = situation.networks[family];
  const subnet = situation.subnets[family];
  if (network === null || subnet === null) return null;
  const excluded = masqueradeExclusions.filter((prefix) => prefixFamily(prefix) === family);
  const verdict = options.masqueradeFullyRandom ? "masquerade-fully-random" : "masquerade";
  return {
    masquerade: options.masquerade ? masqueradeRules(network, subnet, family, excluded, verdict) : null,
    forward: options.forwardRules ? forwardRules(network) : null,
  };
}

function masqueradeRules(
  network: Prefix,
  subnet: Prefix,
  family: Family,
  excluded: readonly Prefix[],
  masquerade: Verdict,
): readonly Rule[] {
  return [
    { match: { mark: { bits: KUBE_PROXY_MASQUERADE_MARK } }, verdict: "return" },
    { match: { source: within(subnet), destination: within(network) }, verdict: "return" },
    { match: { source: within(network), destination: within(subnet) }, verdict: "return" },
    // Packets from outside to a pod of this node arrive with their own source.
    { match: { source: outside(network), destination: within(subnet) }, verdict: "return" },
    ...excluded.map((prefix): Rule => {
      return { match: { source: within(network), destination: within(prefix) }, verdict: "return" };
    }),
    { match: { source: within(network), destination: outside(MULTICAST[family]) }, verdict: masquerade },
    // A host's own address means nothing to the overlay: a remote pod could not answer through it.
    { match: { source: outside(network), destination: within(network) }, verdict: masquerade },
  ];
}

function forwardRules(network: Prefix): readonly Rule[] {
  return [
    { match: { source: within(network) }, verdict: "accept" },
    { match: { destination: within(network) }, verdict: "accept" },
  ];
}
