/** One node with two peers, as most tests of the fast path see it. */
import type { ForwardingView } from "../../../backends/udp/forwarding-table.ts";
import type { Ipv4Prefix, Ipv6Prefix } from "../../../src/net/index.ts";
import { parseIpv4, parseIpv6, parsePrefix } from "../../../src/net/index.ts";

/** The MTU on a 1,500-byte underlay: less 20 bytes of IP and 8 of UDP. */
export const MTU = 1472;

export const POD4 = parseIpv4("10.244.1.5");
export const POD6 = parseIpv6("fd00:1::5");
export const TUN4 = parseIpv4("10.244.1.0");
export const TUN6 = parseIpv6("fd00:1::");

export const REMOTE_US = { ip: parseIpv4("192.168.0.1"), port: 8285, mtuBytes: MTU };
export const REMOTE_US6 = { ip: parseIpv6("2001:db8::1"), port: 8285, mtuBytes: MTU - 20 };
export const REMOTE_A = { ip: parseIpv4("192.168.0.2"), port: 8285, mtuBytes: MTU };
export const REMOTE_A6 = { ip: parseIpv6("2001:db8::2"), port: 8285, mtuBytes: MTU - 20 };
export const REMOTE_B = { ip: parseIpv4("192.168.0.3"), port: 8285, mtuBytes: MTU };
export const POD_A4 = parseIpv4("10.244.2.9");
export const POD_A6 = parseIpv6("fd00:2::9");
export const POD_B4 = parseIpv4("10.244.3.7");

/** Peer A accepts IPv4 inside IPv4 and IPv6 inside IPv6, peer B only IPv4. */
export const VIEW: ForwardingView = {
  subnets: {
    v4: parsePrefix("10.244.1.0/24") as Ipv4Prefix,
    v6: parsePrefix("fd00:1::/64") as Ipv6Prefix,
  },
  tun: { v4: TUN4, v6: TUN6 },
  hosts: [parseIpv4("192.168.0.1")],
  peers: [
    {
      paths: [
        { subnet: parsePrefix("10.244.2.0/24"), remote: REMOTE_A },
        { subnet: parsePrefix("fd00:2::/64"), remote: REMOTE_A6 },
      ],
    },
    { paths: [{ subnet: parsePrefix("10.244.3.0/24"), remote: REMOTE_B }] },
  ],
};

/** The same network as peer A sees it. */
export const VIEW_OF_A: ForwardingView = {
  subnets: {
    v4: parsePrefix("10.244.2.0/24") as Ipv4Prefix,
    v6: parsePrefix("fd00:2::/64") as Ipv6Prefix,
  },
  tun: { v4: parseIpv4("10.244.2.0"), v6: parseIpv6("fd00:2::") },
  hosts: [REMOTE_A.ip],
  peers: [
    {
      paths: [
        { subnet: parsePrefix("10.244.1.0/24"), remote: REMOTE_US },
        { subnet: parsePrefix("fd00:1::/64"), remote: REMOTE_US6 },
      ],
    },
  ],
};
