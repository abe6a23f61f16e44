import type { Prefix } from "../../net/index.ts";
import { addressKind } from "../objects/address.ts";
import { blackholeKind } from "../objects/blackhole.ts";
import { fdbKind } from "../objects/fdb.ts";
import { linkKindOf } from "../objects/kinds.ts";
import { neighbourKind } from "../objects/neighbour.ts";
import { routeKind } from "../objects/route.ts";
import { sysctlKind } from "../objects/sysctl.ts";
import type {
  AddressState,
  FdbState,
  KernelState,
  LinkState,
  NeighbourState,
  RouteState,
  SysctlState,
} from "../state.ts";
import { ObjectKeys } from "./object-keys.ts";

/** A desired state by key, built once and compared with the cache in every pass. */
export interface DesiredIndex {
  readonly links: ReadonlyMap<string, LinkState>;
  readonly addresses: ReadonlyMap<string, AddressState>;
  readonly fdb: ReadonlyMap<string, FdbState>;
  readonly neighbours: ReadonlyMap<string, NeighbourState>;
  readonly routes: ReadonlyMap<string, RouteState>;
  /** Destinations of the routes. */
  readonly destinations: ReadonlySet<Prefix>;
  readonly blackholes: ReadonlyMap<string, Prefix>;
  /** By path. */
  readonly sysctls: ReadonlyMap<string, SysctlState>;
  /** Every interface in the state: devices, their parents, and output interfaces of routes. */
  readonly ifaces: ReadonlySet<string>;
}

/**
 * What has an object for each peer is indexed when it is first read: in the turn of the pass, not in that of the plan.
 * @param keys of the objects of earlier states; they affect the time only
 */
export function indexDesired(state: KernelState, keys: ObjectKeys = new ObjectKeys()): DesiredIndex {
  const fdb = once(() => byKnownKey(state.fdb, fdbKind.keyOf, keys));
  const neighbours = once(() => byKnownKey(state.neighbours, neighbourKind.keyOf, keys));
  const routes = once(() => byKnownKey(state.routes, routeKind.keyOf, keys));
  const destinations = once(() => new Set(state.routes.map(({ dst }) => dst)));
  const ifaces = once(() => ifacesOf(state));
  return {
    links: byKey(state.links, ({ name }) => name),
    addresses: byKey(state.addresses, addressKind.keyOf),
    get fdb() {
      return fdb();
    },
    get neighbours() {
      return neighbours();
    },
    get routes() {
      return routes();
    },
    get destinations() {
      return destinations();
    },
    blackholes: byKey(state.blackholes, blackholeKind.keyOf),
    sysctls: byKey(state.sysctls, sysctlKind.keyOf),
    get ifaces() {
      return ifaces();
    },
  };
}

function once<T extends object>(compute: () => T): () => T {
  let result: T | null = null;
  return () => {
    result ??= compute();
    return result;
  };
}

function ifacesOf(state: KernelState): ReadonlySet<string> {
  const ifaces = new Set<string>();
  for (const link of state.links) {
    ifaces.add(link.name);
    const parent = linkKindOf(link).parentOf(link);
    if (parent !== null) ifaces.add(parent);
  }
  for (const { iface, alsoFrom } of state.routes) {
    ifaces.add(iface);
    if (alsoFrom !== undefined) ifaces.add(alsoFrom.iface);
  }
  return ifaces;
}

function byKnownKey<T extends object>(
  items: readonly T[],
  keyOf: (item: T) => string,
  keys: ObjectKeys,
): ReadonlyMap<string, T> {
  return byKey(items, (item) => keys.of(item, keyOf));
}

function byKey<T>(items: readonly T[], keyOf: (item: T) => string): ReadonlyMap<string, T> {
  const keys = new Map<string, T>();
  for (const item of items) keys.set(keyOf(item), item);
  return keys;
}
