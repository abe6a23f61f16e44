/** A network of the requested number of nodes, one of which is real. */
import type { Lease } from "../../src/lease/lease.ts";
import { formatSubnetKey } from "../../src/lease/subnet-key.ts";
import { type Ipv4, ipv4FromBits, macFromBytes, parseIpv4Prefix, prefixOf } from "../../src/net/index.ts";
import type { JsonObject } from "../../src/runtime/json.ts";

export const PEER_NETWORK = parseIpv4Prefix("10.64.0.0/10");
const SUBNET_LENGTH = 24;
export const NETWORK_CONFIG: JsonObject = {
  Network: PEER_NETWORK,
  SubnetLen: SUBNET_LENGTH,
  Backend: { Type: "vxlan" },
};

/** 10.64.1.0 */
const FIRST_SUBNET = 0x0a40_0100;
/** 198.19.0.1, in the half of the test network (RFC 2544) that the lab does not use: peers are behind a router. */
const FIRST_PUBLIC_IP = 0xc613_0001;

/** @param generation a different one gives the same lease with another MAC address, as after a node was set up again */
export function peerLease(index: number, generation = 0): Lease {
  const subnets = { v4: prefixOf(ipv4FromBits(FIRST_SUBNET + index * 256), SUBNET_LENGTH), v6: null };
  return {
    key: formatSubnetKey(subnets),
    subnets,
    claimedAt: BigInt(index + 1),
    publicIps: { v4: publicIp(index), v6: null },
    offers: [{ type: "vxlan", data: { v4: { VNI: 1, VtepMAC: peerMac(index, generation) }, v6: null } }],
  };
}

export function peerLeases(count: number): Lease[] {
  return Array.from({ length: count }, (_, index) => peerLease(index));
}

/** Locally administered. */
export function peerMac(index: number, generation: number) {
  return macFromBytes(Uint8Array.of(2, 0, generation >> 8, generation, index >> 8, index));
}

function publicIp(index: number): Ipv4 {
  return ipv4FromBits(FIRST_PUBLIC_IP + index);
}
