/** IPv4 tunnels in IPv4 (IFLA_IPTUN_*, linux/if_tunnel.h; net/ipv4/ipip.c). */
import { isDeepStrictEqual } from "node:util";
import type { Ip, Ipv4 } from "../../net/index.ts";
import type { Attributes } from "../netlink/attributes.ts";
import { attributesOf } from "../netlink/body-writer.ts";
import type { LinkKind } from "./link-kind.ts";

/** An ipip device without a remote end: the gateway of a route is the outer destination. */
export interface IpipLink {
  readonly kind: "ipip";
  readonly name: string;
  readonly mtuBytes: number;
  /**
   * Outer source address, which also distinguishes the device from `tunl0`: the underlay interface's, not the
   * published one.
   */
  readonly local: Ipv4;
}

/** What a change in place sets beside the local address. */
interface IpipOptions {
  /** 0 for that of the inner packet, as the TOS. */
  readonly ttl: number;
  readonly tos: number;
  readonly pathMtuDiscovery: number;
  /** TUNNEL_ENCAP_* (linux/if_tunnel.h): UDP around the packets, for example, which peers do not expect. */
  readonly encapType: number;
}

export interface IpipSettings extends IpipOptions {
  readonly kind: "ipip";
  /** null for any. */
  readonly local: Ip | null;
  readonly remote: Ip | null;
  /** Made with "external": it takes all other settings from each packet. */
  readonly isExternal: boolean;
}

export interface IpipChange extends IpipOptions {
  readonly kind: "ipip";
  readonly local: Ipv4;
}

const IFLA_IPTUN = {
  local: 2,
  remote: 3,
  ttl: 4,
  tos: 5,
  protocol: 9,
  pathMtuDiscovery: 10,
  encapType: 15,
  encapFlags: 16,
  encapSourcePort: 17,
  encapDestinationPort: 18,
  collectMetadata: 19,
} as const;
const ANY: string = "0.0.0.0";

/**
 * What flannel sends. The inner protocol is not compared: any includes IPv4, and the kernel cannot change it
 * (ip_tunnel_update).
 */
const OPTIONS: IpipOptions = { ttl: 0, tos: 0, pathMtuDiscovery: 0, encapType: 0 };

function decode(data: Attributes): IpipSettings {
  const end = (type: number) => {
    const ip = data.ip(type);
    return ip === ANY ? null : ip;
  };
  return {
    kind: "ipip",
    local: end(IFLA_IPTUN.local),
    remote: end(IFLA_IPTUN.remote),
    ttl: data.u8(IFLA_IPTUN.ttl) ?? OPTIONS.ttl,
    tos: data.u8(IFLA_IPTUN.tos) ?? OPTIONS.tos,
    pathMtuDiscovery: data.u8(IFLA_IPTUN.pathMtuDiscovery) ?? OPTIONS.pathMtuDiscovery,
    encapType: data.u16BigEndian(IFLA_IPTUN.encapType) ?? OPTIONS.encapType,
    isExternal: data.has(IFLA_IPTUN.collectMetadata),
  };
}

/**
 * What flannel sends, in its order: TTL and TOS of the inner packet, no path MTU discovery, no UDP encapsulation. A
 * change sends all of it too, since the kernel resets absent attributes (ipip_netlink_parms).
 */
function encode({ local }: Pick<IpipLink, "local">): Uint8Array {
  return attributesOf((data) =>
    data
      .ip(IFLA_IPTUN.local, local)
      .u8(IFLA_IPTUN.pathMtuDiscovery, 0)
      .u8(IFLA_IPTUN.ttl, 0)
      .u8(IFLA_IPTUN.tos, 0)
      .u16BigEndian(IFLA_IPTUN.encapType, 0)
      .u16BigEndian(IFLA_IPTUN.encapFlags, 0)
      .u16BigEndian(IFLA_IPTUN.encapSourcePort, 0)
      .u16BigEndian(IFLA_IPTUN.encapDestinationPort, 0)
      .u8(IFLA_IPTUN.protocol, 0),
  );
}

function isAsFlannels({ ttl, tos, pathMtuDiscovery, encapType }: IpipSettings): boolean {
  return isDeepStrictEqual({ ttl, tos, pathMtuDiscovery, encapType }, OPTIONS);
}

export const ipip: LinkKind<IpipLink, IpipSettings, IpipChange> = {
  kind: "ipip",
  names: /flannel\.ipip/,
  isEthernet: false,
  parentOf: () => null,
  decode,
  encode,
  settingsOf: ({ local }) => ({ kind: "ipip", local, remote: null, isExternal: false, ...OPTIONS }),
  // A device's remote end cannot be removed, nor that it is external (ipip_changelink).
  isCompatible: ({ name, local }, have, { fixedLocal }) =>
    have.remote === null && !have.isExternal && (have.local === local || !fixedLocal.has(name)),
  changes: ({ local }, have) =>
    have.local === local && isAsFlannels(have) ? [] : [{ kind: "ipip", local, ...OPTIONS }],
  encodeChange: encode,
  describe: ({ local }) => `local ${local}`,
  describeChange: ({ local }) => `local ${local}`,
};
