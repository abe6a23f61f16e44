/**
 * The name of a lease, as flannel writes it in etcd: "10.5.34.0-24", or "10.5.34.0-24&fc00:0:0:34::-64" with
 * both families. The IPv4 half is mandatory: where IPv4 is off it is "0.0.0.0-0".
 */
import {
  addressBits,
  type DualPrefix,
  type Ipv4Prefix,
  type Ipv6Prefix,
  isIpv4Prefix,
  type Prefix,
  prefixAddress,
  prefixFamily,
  prefixLength,
  tryParsePrefix,
} from "../net/index.ts";

const NO_IPV4 = "0.0.0.0-0";

/** Longer than any valid key; longer text is not parsed. */
const MAX_KEY_LENGTH = 80;

export function formatSubnetKey(subnets: DualPrefix): string {
  const v4 = subnets.v4 === null ? NO_IPV4 : half(subnets.v4);
  return subnets.v6 === null ? v4 : `${v4}&${half(subnets.v6)}`;
}

/** The subnets that a key names, at least one; null when it is not a lease's key. */
export function parseSubnetKey(key: string): DualPrefix | null {
  if (key.length > MAX_KEY_LENGTH) return null;
  const [v4Text = "", v6Text, ...rest] = key.split("&");
  if (rest.length > 0) return null;
  const v6 = v6Text === undefined ? null : parseHalf(v6Text);
  if (v6Text !== undefined && (v6 === null || isIpv4Prefix(v6))) return null;
  if (v4Text === NO_IPV4) return v6 === null ? null : { v4: null, v6: v6 as Ipv6Prefix };
  const v4 = parseHalf(v4Text);
  if (v4 === null || !isIpv4Prefix(v4)) return null;
  return { v4: v4 as Ipv4Prefix, v6: v6 as Ipv6Prefix | null };
}

function half(prefix: Prefix): string {
  return prefix.replace("/", "-");
}

/** Refuses the lengths of a single address (32, 128), which flannel cannot read, and 0. */
function parseHalf(text: string): Prefix | null {
  const dash = text.lastIndexOf("-");
  const prefix = tryParsePrefix(`${text.slice(0, dash)}/${text.slice(dash + 1)}`);
  if (prefix === null || prefixLength(prefix) === 0) return null;
  if (prefixLength(prefix) >= addressBits(prefixFamily(prefix))) return null;
  return prefixAddress(prefix).includes("%") ? null : prefix;
}
