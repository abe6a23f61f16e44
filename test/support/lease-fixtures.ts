/** Leases and requests for them, in an operator's notation. */
import { randomBytes } from "node:crypto";
import { type NetworkConfig, parseNetworkConfig } from "../../src/config/network-config.ts";
import type { HostIdentity } from "../../src/lease/host-identity.ts";
import type { BackendOffer, Lease, LeaseContent } from "../../src/lease/lease.ts";
import type { LeaseRequest } from "../../src/lease/store.ts";
import { parseSubnetKey } from "../../src/lease/subnet-key.ts";
import { type DualPrefix, parseIpv4, parseIpv6 } from "../../src/net/index.ts";
import type { JsonObject } from "../../src/runtime/json.ts";

export const NO_SUBNETS: DualPrefix = { v4: null, v6: null };

export function network(json: JsonObject): NetworkConfig {
  return parseNetworkConfig(JSON.stringify(json), "test");
}

export const V4 = network({ Network: "10.5.0.0/16" });
const EXACTLY_20 = { Network: "10.5.0.0/16", SubnetMin: "10.5.1.0", SubnetMax: "10.5.20.0" };
/** Room for exactly 20 nodes. */
export const TWENTY = network(EXACTLY_20);
/** Room for exactly 20 nodes in each family. */
export const TWENTY_DUAL = network({
  ...EXACTLY_20,
  EnableIPv6: true,
  IPv6Network: "fc00::/48",
  IPv6SubnetMin: "fc00:0:0:1::",
  IPv6SubnetMax: "fc00:0:0:14::",
});

/** The value that a flannel node on host-gw writes. */
export function flannelValue(ip: string): string {
  return `{"PublicIP":"${ip}","PublicIPv6":null,"BackendType":"host-gw"}`;
}

export const VXLAN: BackendOffer = {
  type: "vxlan",
  data: { v4: { VNI: 1, VtepMAC: "0e:52:a1:00:00:07" }, v6: null },
};

export function content(v4: string | null, v6: string | null = null, offer = VXLAN): LeaseContent {
  return {
    publicIps: { v4: v4 === null ? null : parseIpv4(v4), v6: v6 === null ? null : parseIpv6(v6) },
    offers: [offer],
  };
}

/** The subnets of a key such as "10.5.34.0-24". */
export function subnets(key: string): DualPrefix {
  const parsed = parseSubnetKey(key);
  if (parsed === null) throw new Error(`${key} is no key of a lease`);
  return parsed;
}

export function lease(key: string, claimedAt: number | bigint, published: LeaseContent): Lease {
  return { key, subnets: subnets(key), claimedAt: BigInt(claimedAt), ...published };
}

export function request(
  config: NetworkConfig,
  published: LeaseContent,
  previousSubnets: DualPrefix = NO_SUBNETS,
): LeaseRequest {
  return { config, content: published, held: null, previousSubnets };
}

/** The identity of a unique host, except for the given fields. */
export function hostIdentity(changes: Partial<HostIdentity> = {}): HostIdentity {
  const mark = () => randomBytes(16).toString("hex");
  const id = mark();
  const hostName = `host-${id.slice(0, 4)}`;
  return { id, hostName, machineId: mark(), product: mark(), boot: mark(), netns: mark(), ...changes };
}

/** Addresses 192.0.2.1 to 192.0.2.254. */
export function nodeIp(index: number): string {
  return `192.0.2.${index}`;
}
