/**
 * KernelState: what a node wants of its kernel, as plain data. Backends write it, the reconciler makes the
 * kernel agree. Devices are named, never numbered: an index is the kernel's business and changes.
 */
import type { Ip, Mac, Prefix } from "../net/index.ts";

export interface KernelState {
  readonly links: readonly LinkState[];
  readonly addresses: readonly AddressState[];
  readonly fdb: readonly FdbState[];
  readonly neighbours: readonly NeighbourState[];
  readonly routes: readonly RouteState[];
  /** Prefixes whose packets are dropped where nothing better is known: see {@link BLACKHOLE_METRIC}. */
  readonly blackholes: readonly Prefix[];
  readonly sysctls: readonly SysctlState[];
}

export type LinkState = VxlanLink | TunLink;

/** A VXLAN device without a multicast group: every remote end is an FDB entry. */
export interface VxlanLink {
  readonly kind: "vxlan";
  readonly name: string;
  readonly mac: Mac;
  readonly mtuBytes: number;
  readonly vni: number;
  /** Name of the underlay device. */
  readonly parent: string;
  /** Outer source address: the underlay interface's, not the published one. */
  readonly local: Ip;
  /** UDP port, or null for the kernel's default, 8472. */
  readonly port: number | null;
  readonly learning: boolean;
  readonly gbp: boolean;
}

/** A persistent TUN device. */
export interface TunLink {
  readonly kind: "tun";
  readonly name: string;
  readonly mtuBytes: number;
  readonly multiQueue: boolean;
}

export interface AddressState {
  readonly iface: string;
  readonly ip: Ip;
  readonly length: number;
}

/** A permanent FDB entry of a VXLAN device: frames for `mac` go to the remote end `remote`. */
export interface FdbState {
  readonly iface: string;
  readonly mac: Mac;
  readonly remote: Ip;
}

/** A permanent neighbour entry. */
export interface NeighbourState {
  readonly iface: string;
  readonly ip: Ip;
  readonly mac: Mac;
}

/** A unicast route of the main table. */
export interface RouteState {
  readonly dst: Prefix;
  /** Gateway, or null for a route straight to the device. */
  readonly via: Ip | null;
  readonly iface: string;
  /** The gateway is taken as a neighbour on `iface` although no address says so. */
  readonly onlink: boolean;
  /** Who put it there: see {@link ROUTE_PROTOCOL}. */
  readonly protocol: number;
  /** RTAX_MTU of the route, or null for the device's. */
  readonly mtuBytes: number | null;
  /** IPv4 only. */
  readonly alsoFrom?: BareWay;
}

/**
 * A way, other than the route's own, that packets of its addresses may come by. A strict reverse-path filter looks for
 * their device among all next hops of the route and asks for no weight (fib_info_nh_uses_dev in
 * net/ipv4/fib_frontend.c), so this is a next hop with as small a weight as can be.
 */
export interface BareWay {
  readonly via: Ip;
  readonly iface: string;
}

export interface SysctlState {
  /** Path below /proc/sys, with "/": `net/ipv6/conf/flannel.1/accept_ra`. */
  readonly path: string;
  readonly value: string;
}

/** Values of rtm_protocol (linux/rtnetlink.h). */
export const ROUTE_PROTOCOL = {
  kernel: 2,
  /** What flannel writes. Fit for routes on a device of ours: the device tells whose they are. */
  boot: 3,
  /** Ours: a number that no known daemon uses. It marks routes on devices that are not ours. */
  tweed: 116,
} as const;

/**
 * Behind the routes of everybody else, whose metrics are small: a bridge's own prefix (0, in IPv6 256) goes before a
 * blackhole of the same prefix, and comes and goes without touching it.
 */
export const BLACKHOLE_METRIC = 1_000_000;

export const EMPTY_STATE: KernelState = {
  links: [],
  addresses: [],
  fdb: [],
  neighbours: [],
  routes: [],
  blackholes: [],
  sysctls: [],
};

/** The union of several states. Of two objects that claim one place (a name, a prefix) the first stands. */
export function mergeStates(states: readonly KernelState[]): KernelState {
  return {
    links: unique(
      states.flatMap((state) => state.links),
      (link) => link.name,
    ),
    addresses: unique(
      states.flatMap((state) => state.addresses),
      (a) => `${a.iface} ${a.ip}/${a.length}`,
    ),
    fdb: unique(
      states.flatMap((state) => state.fdb),
      (entry) => `${entry.iface} ${entry.mac}`,
    ),
    neighbours: unique(
      states.flatMap((state) => state.neighbours),
      (entry) => `${entry.iface} ${entry.ip}`,
    ),
    routes: unique(
      states.flatMap((state) => state.routes),
      (route) => route.dst,
    ),
    blackholes: [...new Set(states.flatMap((state) => state.blackholes))],
    sysctls: unique(
      states.flatMap((state) => state.sysctls),
      (sysctl) => sysctl.path,
    ),
  };
}

function unique<T>(items: readonly T[], keyOf: (item: T) => string): T[] {
  const first = new Map<string, T>();
  for (const item of items) {
    const key = keyOf(item);
    if (!first.has(key)) first.set(key, item);
  }
  return [...first.values()];
}
