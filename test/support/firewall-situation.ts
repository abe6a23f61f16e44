/** A node of a dual-stack network, for tests of its firewall. */

import { type FirewallContext, type FirewallOptions, planFirewall } from "../../src/agent/firewall/plan.ts";
import type { PacketOrigins } from "../../src/kernel/firewall/packet-origins.ts";
import type { RuleSet } from "../../src/kernel/firewall/rule-set.ts";
import { parseIp, parseIpv4Prefix, parseIpv6Prefix } from "../../src/net/index.ts";

export const NETWORK_V4 = parseIpv4Prefix("10.42.0.0/16");
export const SUBNET_V4 = parseIpv4Prefix("10.42.1.0/24");
export const NETWORK_V6 = parseIpv6Prefix("fd00:10:244::/56");
export const SUBNET_V6 = parseIpv6Prefix("fd00:10:244:1::/64");

export const FLAGS: FirewallOptions = {
  masquerade: true,
  masqueradeFullyRandom: true,
  forwardRules: true,
  forgedPackets: "ignore",
};

export const NO_ORIGINS: PacketOrigins = { vxlan: null, ipip: null, arrivals: null };

/** All of it but the first subnet and the last. */
const LEASABLE = {
  v4: { first: parseIp("10.42.1.0"), last: parseIp("10.42.254.255") },
  v6: { first: parseIp("fd00:10:244:1::"), last: parseIp("fd00:10:244:fe:ffff:ffff:ffff:ffff") },
};

/** The address families of the node. */
export const STACKS = {
  v4: {
    networks: { v4: NETWORK_V4, v6: null },
    subnets: { v4: SUBNET_V4, v6: null },
    leasable: { v4: LEASABLE.v4, v6: null },
  },
  v6: {
    networks: { v4: null, v6: NETWORK_V6 },
    subnets: { v4: null, v6: SUBNET_V6 },
    leasable: { v4: null, v6: LEASABLE.v6 },
  },
  dual: {
    networks: { v4: NETWORK_V4, v6: NETWORK_V6 },
    subnets: { v4: SUBNET_V4, v6: SUBNET_V6 },
    leasable: LEASABLE,
  },
};

export interface SituationOptions extends Partial<Omit<FirewallContext, "options">> {
  readonly flags?: Partial<FirewallOptions>;
}

export function rulesFor(stack: keyof typeof STACKS, options: SituationOptions = {}): RuleSet {
  const { flags, ...rest } = options;
  return planFirewall({
    ...STACKS[stack],
    masqueradeExclusions: [],
    origins: NO_ORIGINS,
    ...rest,
    options: { ...FLAGS, ...flags },
  });
}
