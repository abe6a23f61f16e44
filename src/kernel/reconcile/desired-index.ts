import type { Prefix } from "../../net/index.ts";
import type {
  AddressState,
  FdbState,
  KernelState,
  LinkState,
  NeighbourState,
  RouteState,
  SysctlState,
} from "../state.ts";
import { addressPlace, blackholePlace, desiredRoutePlace, fdbPlace, neighbourPlace } from "./place.ts";

/** A desired state by place, built once and compared with the mirror on every pass. */
export interface DesiredIndex {
  readonly links: ReadonlyMap<string, LinkState>;
  readonly addresses: ReadonlyMap<string, AddressState>;
  readonly fdb: ReadonlyMap<string, FdbState>;
  readonly neighbours: ReadonlyMap<string, NeighbourState>;
  readonly routes: ReadonlyMap<string, RouteState>;
  /** Where the routes lead. */
  readonly destinations: ReadonlySet<Prefix>;
  readonly blackholes: ReadonlyMap<string, Prefix>;
  /** By path. */
  readonly sysctls: ReadonlyMap<string, SysctlState>;
  /** Every interface that the state names: devices, their parents, the ways out of routes. */
  readonly ifaces: ReadonlySet<string>;
}

export function indexDesired(state: KernelState): DesiredIndex {
  const ifaces = new Set<string>();
  for (const link of state.links) {
    ifaces.add(link.name);
    if (link.kind === "vxlan") ifaces.add(link.parent);
  }
  for (const { iface, alsoFrom } of state.routes) {
    ifaces.add(iface);
    if (alsoFrom !== undefined) ifaces.add(alsoFrom.iface);
  }
  return {
    links: byPlace(state.links, (link) => link.name),
    addresses: byPlace(state.addresses, addressPlace),
    fdb: byPlace(state.fdb, fdbPlace),
    neighbours: byPlace(state.neighbours, (entry) => neighbourPlace(entry.iface, entry.ip)),
    routes: byPlace(state.routes, desiredRoutePlace),
    destinations: new Set(state.routes.map(({ dst }) => dst)),
    blackholes: byPlace(state.blackholes, blackholePlace),
    sysctls: byPlace(state.sysctls, (sysctl) => sysctl.path),
    ifaces,
  };
}

function byPlace<T>(items: readonly T[], placeOf: (item: T) => string): ReadonlyMap<string, T> {
  const places = new Map<string, T>();
  for (const item of items) places.set(placeOf(item), item);
  return places;
}
