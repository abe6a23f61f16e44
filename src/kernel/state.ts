/**
 * KernelState: a node's desired kernel objects, as plain data. Backends produce it, the reconciler applies it. Devices
 * are identified by name: indexes are assigned by the kernel and change.
 */
import type { Ip, Mac, Prefix } from "../net/index.ts";
import { isSameData } from "../runtime/same-data.ts";
import type { LinkState } from "./objects/kinds.ts";

export type { LinkState } from "./objects/kinds.ts";
export type { TunLink } from "./objects/tun.ts";
export type { VxlanLink } from "./objects/vxlan.ts";

export interface KernelState {
  readonly links: readonly LinkState[];
  readonly addresses: readonly AddressState[];
  readonly fdb: readonly FdbState[];
  readonly neighbours: readonly NeighbourState[];
  readonly routes: readonly RouteState[];
  /** Prefixes whose packets are dropped where no better route exists: see {@link BLACKHOLE_METRIC}. */
  readonly blackholes: readonly Prefix[];
  readonly sysctls: readonly SysctlState[];
}

export interface AddressState {
  readonly iface: string;
  readonly ip: Ip;
  readonly length: number;
}

/** A permanent FDB entry of a VXLAN device: frames for `mac` are sent to the remote end `remote`. */
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
  /** Gateway, or null for a route directly to the device. */
  readonly via: Ip | null;
  readonly iface: string;
  /** The kernel takes the gateway to be on the link of `iface` although no prefix there contains it. */
  readonly onlink: boolean;
  /** The program that added it: see {@link ROUTE_PROTOCOL}. */
  readonly protocol: number;
  /** RTAX_MTU of the route, or null for the device's. */
  readonly mtuBytes: number | null;
  /** IPv4 only. */
  readonly alsoFrom?: BareHop;
}

/**
 * Another path, without a tunnel, by which packets from the route's addresses may arrive. A strict reverse-path filter
 * accepts the device of any next hop of the route, whatever its weight (fib_info_nh_uses_dev in
 * net/ipv4/fib_frontend.c), so this is a next hop with the smallest possible weight.
 */
export interface BareHop {
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
  /** flannel's. For routes on a device of ours, which shows their owner. */
  boot: 3,
  /** Tweed's: a number that no known daemon uses. It marks routes on devices that are not ours. */
  tweed: 116,
} as const;

/**
 * Higher than the metrics of all other programs: a bridge's own prefix route (0, in IPv6 256) has precedence over a
 * blackhole of the same prefix, and can be added and deleted without affecting it.
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

/** Two different desired objects with one key, of which the kernel can have only one. */
export type StateConflict =
  | { readonly kind: "link"; readonly kept: LinkState; readonly dropped: LinkState }
  | { readonly kind: "address"; readonly kept: AddressState; readonly dropped: AddressState }
  | { readonly kind: "fdb"; readonly kept: FdbState; readonly dropped: FdbState }
  | { readonly kind: "neighbour"; readonly kept: NeighbourState; readonly dropped: NeighbourState }
  | { readonly kind: "route"; readonly kept: RouteState; readonly dropped: RouteState }
  | { readonly kind: "sysctl"; readonly kept: SysctlState; readonly dropped: SysctlState };

export interface MergedStates {
  readonly state: KernelState;
  /** Objects that are not in it, because another has the same key. */
  readonly conflicts: readonly StateConflict[];
}

/**
 * The union of several states. Of two objects with one key (a name, a prefix) the first wins.
 * @param states each without two objects of one key: a backend plans for leases that share nothing
 * @param merged the result of an earlier merge, which comes first: its objects are not compared with each other again
 */
export function mergeStates(states: readonly KernelState[], merged: KernelState = EMPTY_STATE): MergedStates {
  const conflicts: StateConflict[] = [];
  const first = <T>(
    itemsOf: (state: KernelState) => readonly T[],
    /** Of two parts, as texts are built slowly: a device, and the key beside it. */
    placeOf: Place<T>,
    onConflict: (kept: T, dropped: T) => StateConflict,
  ): readonly T[] => {
    const known = itemsOf(merged);
    const lists = states.map(itemsOf).filter((items) => items.length > 0);
    const [only = known, ...others] = lists;
    if (lists.length === 0 || (known.length === 0 && others.length === 0)) return only;
    const places = new Places(placeOf);
    const kept: T[] = [];
    for (const item of known) {
      places.put(item);
      kept.push(item);
    }
    for (const items of lists) {
      for (const item of items) {
        const holder = places.put(item);
        if (holder === null) kept.push(item);
        else if (!isSameData(holder, item)) conflicts.push(onConflict(holder, item));
      }
    }
    return kept;
  };
  const state: KernelState = {
    links: first(
      ({ links }) => links,
      { device: () => "", key: ({ name }) => name },
      (kept, dropped) => ({ kind: "link", kept, dropped }),
    ),
    addresses: first(
      ({ addresses }) => addresses,
      { device: ({ iface }) => iface, key: ({ ip, length }) => `${ip}/${length}` },
      (kept, dropped) => ({ kind: "address", kept, dropped }),
    ),
    fdb: first(
      ({ fdb }) => fdb,
      { device: ({ iface }) => iface, key: ({ mac }) => mac },
      (kept, dropped) => ({ kind: "fdb", kept, dropped }),
    ),
    neighbours: first(
      ({ neighbours }) => neighbours,
      { device: ({ iface }) => iface, key: ({ ip }) => ip },
      (kept, dropped) => ({ kind: "neighbour", kept, dropped }),
    ),
    routes: first(
      ({ routes }) => routes,
      { device: () => "", key: ({ dst }) => dst },
      (kept, dropped) => ({ kind: "route", kept, dropped }),
    ),
    blackholes: [...new Set([merged, ...states].flatMap((each) => each.blackholes))],
    sysctls: first(
      ({ sysctls }) => sysctls,
      { device: () => "", key: ({ path }) => path },
      (kept, dropped) => ({ kind: "sysctl", kept, dropped }),
    ),
  };
  return { state, conflicts };
}

interface Place<T> {
  device(item: T): string;
  key(item: T): string;
}

class Places<T> {
  readonly #place: Place<T>;
  readonly #devices = new Map<string, Map<string, T>>();

  constructor(place: Place<T>) {
    this.#place = place;
  }

  /** @returns the item that has the place already; null when it was free */
  put(item: T): T | null {
    const device = this.#place.device(item);
    let keys = this.#devices.get(device);
    if (keys === undefined) {
      keys = new Map();
      this.#devices.set(device, keys);
    }
    const key = this.#place.key(item);
    const holder = keys.get(key);
    if (holder !== undefined) return holder;
    keys.set(key, item);
    return null;
  }
}
