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

export interface FirewallContext {
  readonly options: FirewallOptions;
  readonly networks: DualPrefix;
  /** The ranges of the networks from which subnets are leased. */
  readonly leasable: DualStack<AddressRange>;
  /** This node's subnets; a family whose subnet is null has no rules. */
  readonly subnets: DualPrefix;
  /** Destinations to which packets of pods are not masqueraded. */
  readonly masqueradeExclusions: readonly Prefix[];
  readonly origins: PacketOrigins;
}

/** kube-proxy sets this bit on packets that it masquerades itself (KUBE-MARK-MASQ). */
const KUBE_PROXY_MASQUERADE_MARK = 0x4000;

const MULTICAST: Readonly<Record<Family, Prefix>> = {
  v4: parsePrefix("224.0.0.0/4"),
  v6: parsePrefix("ff00::/8"),
};

/** The rules of a node. Their order is flannel's, which other programs compare as text. */
export function planFirewall(context: FirewallContext): RuleSet {
  const { options, leasable, subnets, origins } = context;
  const families = { v4: familyRules("v4", context), v6: familyRules("v6", context) };
  const isIdle = FAMILIES.every((family) => families[family] === null);
  if (options.forgedPackets === "ignore" || isIdle) return { families, packetFilter: null };
  const { forgedPackets: action } = options;
  return { families, packetFilter: { ...origins, action, leasable, subnets } };
}

function familyRules(family: Family, context: FirewallContext): FamilyRules | null {
  const { options, masqueradeExclusions } = context;
  const network = context.networks[family];
  const subnet = context.subnets[family];
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
    // Packets from outside to a pod of this node retain their source.
    { match: { source: outside(network), destination: within(subnet) }, verdict: "return" },
    ...excluded.map((prefix): Rule => {
      return { match: { source: within(network), destination: within(prefix) }, verdict: "return" };
    }),
    { match: { source: within(network), destination: outside(MULTICAST[family]) }, verdict: masquerade },
    // The overlay has no route to a host's own address: a remote pod could not answer through it.
    { match: { source: outside(network), destination: within(network) }, verdict: masquerade },
  ];
}

function forwardRules(network: Prefix): readonly Rule[] {
  return [
    { match: { source: within(network) }, verdict: "accept" },
    { match: { destination: within(network) }, verdict: "accept" },
  ];
}
