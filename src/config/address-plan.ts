/**
 * Derives one family's address plan: the length of subnets, and the first and last that may be leased. The
 * rules are flannel's; in addition the first must not be after the last.
 */
import {
  addressBits,
  containsIp,
  type Family,
  familyOf,
  type Ip,
  type Ipv4,
  type Ipv4Prefix,
  type Ipv6,
  type Ipv6Prefix,
  ipBits,
  ipFromBits,
  overlaps,
  type Prefix,
  parsePrefix,
  prefixAddress,
  prefixLength,
  prefixOf,
  prefixRange,
  tryParseCidr,
  tryParseIp,
} from "../net/index.ts";
import { messageOf, TweedError } from "../runtime/error.ts";
import { Fields } from "../runtime/fields.ts";

/** One family's address plan: the network and its leasable subnets. */
export interface AddressPlan<P, A> {
  readonly network: P;
  readonly subnetLength: number;
  /** Network address of the first subnet that may be leased. */
  readonly subnetMin: A;
  /** Network address of the last subnet that may be leased. */
  readonly subnetMax: A;
}

/** The differences between the families. */
interface FamilyRules {
  readonly family: Family;
  readonly keys: { readonly [role in "network" | "subnetLength" | "subnetMin" | "subnetMax"]: string };
  /** The subnet length in a network large enough for it. */
  readonly defaultSubnetLength: number;
  readonly networkExample: string;
}

const IPV4_RULES: FamilyRules = {
  family: "v4",
  keys: { network: "Network", subnetLength: "SubnetLen", subnetMin: "SubnetMin", subnetMax: "SubnetMax" },
  defaultSubnetLength: 24,
  networkExample: "10.244.0.0/16",
};

const IPV6_RULES: FamilyRules = {
  family: "v6",
  keys: {
    network: "IPv6Network",
    subnetLength: "IPv6SubnetLen",
    subnetMin: "IPv6SubnetMin",
    subnetMax: "IPv6SubnetMax",
  },
  defaultSubnetLength: 64,
  networkExample: "fd00:10:244::/56",
};

/** Ranges that every host needs for itself: a route into a tunnel would take them away. */
const RESERVED: readonly { readonly range: Prefix; readonly name: string }[] = [
  { range: parsePrefix("0.0.0.0/8"), name: "the default route or 0.0.0.0/8, which names no host (RFC 1122)" },
  { range: parsePrefix("127.0.0.0/8"), name: "loopback addresses (127.0.0.0/8)" },
  { range: parsePrefix("169.254.0.0/16"), name: "link-local addresses (169.254.0.0/16)" },
  { range: parsePrefix("224.0.0.0/4"), name: "multicast addresses (224.0.0.0/4)" },
  { range: parsePrefix("::/127"), name: "the default route or loopback (::1)" },
  { range: parsePrefix("::ffff:0:0/96"), name: "IPv4 addresses in IPv6 form (::ffff:0:0/96)" },
  { range: parsePrefix("fe80::/10"), name: "link-local addresses (fe80::/10)" },
  { range: parsePrefix("ff00::/8"), name: "multicast addresses (ff00::/8)" },
];

/**
 * A network must have room for four subnets, the first of which stays free; a subnet needs two host bits, for
 * the bridge's address and a pod's.
 */
const BITS_OF_FOUR_SUBNETS = 2;
const MIN_HOST_BITS = 2;

/** Who assigns a node its subnet. */
export type SubnetSource =
  /** The daemons, which lease one from the network. */
  | "leased"
  /** The cluster. Length and bounds in the configuration are then ignored, with a call of `onIgnored` if invalid. */
  | { readonly onIgnored: (reason: string) => void };

// Every address and prefix of a plan has the family of its rules, hence the casts below.

/** @throws TweedError `invalid-config`, naming the key */
export function readIpv4Plan(fields: Fields, subnets: SubnetSource): AddressPlan<Ipv4Prefix, Ipv4> {
  return readAddressPlan(fields, IPV4_RULES, subnets) as AddressPlan<Ipv4Prefix, Ipv4>;
}
/** @throws TweedError `invalid-config`, naming the key */
export function readIpv6Plan(fields: Fields, subnets: SubnetSource): AddressPlan<Ipv6Prefix, Ipv6> {
  return readAddressPlan(fields, IPV6_RULES, subnets) as AddressPlan<Ipv6Prefix, Ipv6>;
}

function readAddressPlan(fields: Fields, rules: FamilyRules, subnets: SubnetSource): AddressPlan<Prefix, Ip> {
  const network = readNetwork(fields, rules);
  if (subnets === "leased") return planWithin(network, fields, rules);
  try {
    planWithin(network, fields, rules);
  } catch (error) {
    if (!(error instanceof TweedError)) throw error;
    subnets.onIgnored(messageOf(error));
  }
  return planWithin(network, NO_FIELDS, rules);
}

const NO_FIELDS = new Fields({}, "network configuration");

function planWithin(network: Prefix, fields: Fields, rules: FamilyRules): AddressPlan<Prefix, Ip> {
  const subnetLength = readSubnetLength(fields, rules, network);
  const size = 1n << BigInt(addressBits(rules.family) - subnetLength);
  const { first, last } = prefixRange(network);
  const plan = {
    network,
    subnetLength,
    subnetMin: readBound(fields, rules.keys.subnetMin, network, subnetLength, first + size),
    subnetMax: readBound(fields, rules.keys.subnetMax, network, subnetLength, last + 1n - size),
  };
  if (ipBits(plan.subnetMin) > ipBits(plan.subnetMax)) {
    const { subnetMin, subnetMax } = rules.keys;
    const given = fields.has(subnetMin) ? subnetMin : subnetMax;
    fields.refuse(given, `${subnetMin} (${plan.subnetMin}) at or below ${subnetMax} (${plan.subnetMax})`);
  }
  return plan;
}

function readNetwork(fields: Fields, rules: FamilyRules): Prefix {
  const key = rules.keys.network;
  const cidr = tryParseCidr(fields.string(key, ""));
  if (cidr === null || familyOf(cidr.ip) !== rules.family) {
    return fields.refuse(
      key,
      `an ${rules.family === "v4" ? "IPv4" : "IPv6"} network such as ${rules.networkExample}`,
    );
  }
  const network = prefixOf(cidr.ip, cidr.length);
  const longest = addressBits(rules.family) - MIN_HOST_BITS - BITS_OF_FOUR_SUBNETS;
  if (prefixLength(network) > longest) {
    return fields.refuse(key, `a network of at most /${longest}, to hold four subnets`);
  }
  const reserved = RESERVED.find(({ range }) => overlaps(range, network));
  return reserved === undefined ? network : fields.refuse(key, `no network that covers ${reserved.name}`);
}

function readSubnetLength(fields: Fields, rules: FamilyRules, network: Prefix): number {
  const key = rules.keys.subnetLength;
  const bits = addressBits(rules.family);
  const min = prefixLength(network) + BITS_OF_FOUR_SUBNETS;
  const max = bits - MIN_HOST_BITS;
  const given = fields.integer(key, 0, 0, bits);
  if (given === 0) return Math.max(rules.defaultSubnetLength, min);
  if (given >= min && given <= max) return given;
  return fields.refuse(key, `0 or a length from ${min} to ${max} in the network ${network}`);
}

/** The unspecified address means the derived bound. */
function readBound(fields: Fields, key: string, network: Prefix, subnetLength: number, derived: bigint): Ip {
  const family = familyOf(prefixAddress(network));
  if (!fields.has(key)) return ipFromBits(family, derived);
  const ip = tryParseIp(fields.string(key, ""));
  if (ip !== null && familyOf(ip) === family) {
    if (ipBits(ip) === 0n) return ipFromBits(family, derived);
    if (containsIp(network, ip) && prefixAddress(prefixOf(ip, subnetLength)) === ip) return ip;
  }
  return fields.refuse(key, `the first address of a /${subnetLength} subnet in ${network}`);
}
