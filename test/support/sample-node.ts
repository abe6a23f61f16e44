/** A node and its peers as backends see them, with overrides by the test. */
import type { LocalNode, Peer } from "../../backends/backend.ts";
import type { Identities, MacPair } from "../../backends/identity.ts";
import { VTEP_MAC } from "../../backends/vxlan/identity.ts";
import type { VtepData } from "../../backends/vxlan/published.ts";
import {
  parseIpv4,
  parseIpv4Prefix,
  parseIpv6,
  parseIpv6Prefix,
  parseMac,
  parsePrefix,
} from "../../src/net/index.ts";

export function sampleNode(different: Partial<LocalNode> = {}): LocalNode {
  const ips = { v4: parseIpv4("198.18.1.1"), v6: parseIpv6("fd00:198:18::101") };
  return {
    iface: { name: "eth0", mtuBytes: 1500, ips },
    publicIps: ips,
    networks: { v4: parseIpv4Prefix("10.244.0.0/16"), v6: parseIpv6Prefix("fd00:10:244::/48") },
    subnets: { v4: parseIpv4Prefix("10.244.1.0/24"), v6: parseIpv6Prefix("fd00:10:244:1::/64") },
    identities: vtepIdentity({ v4: parseMac("02:00:00:00:04:01"), v6: parseMac("02:00:00:00:06:01") }),
    underlay: [
      { dst: parsePrefix("198.18.0.0/16"), via: null, iface: "eth0", metric: 0 },
      { dst: parsePrefix("fd00:198:18::/64"), via: null, iface: "eth0", metric: 256 },
      { dst: parsePrefix("0.0.0.0/0"), via: parseIpv4("198.18.0.1"), iface: "eth0", metric: 0 },
    ],
    ...different,
  };
}

/** The identities that the agent makes for the backends. */
export function vtepIdentity(macs: MacPair): Identities {
  return new Map([[VTEP_MAC.name, { kind: "mac", macs }]]);
}

/** The peer with this number, reached by VXLAN. */
export function samplePeer(number: number, different: Partial<Peer<VtepData>> = {}): Peer<VtepData> {
  const hex = number.toString(16).padStart(2, "0");
  return {
    key: `peer${number}`,
    subnets: {
      v4: parseIpv4Prefix(`10.244.${number}.0/24`),
      v6: parseIpv6Prefix(`fd00:10:244:${number.toString(16)}::/64`),
    },
    publicIps: { v4: parseIpv4(`198.18.1.${number}`), v6: parseIpv6(`fd00:198:18::1${hex}`) },
    data: {
      v4: { mac: parseMac(`02:00:00:00:04:${hex}`), vni: 1, routesDirectly: false },
      v6: { mac: parseMac(`02:00:00:00:06:${hex}`), vni: 1, routesDirectly: false },
    },
    ...different,
  };
}
