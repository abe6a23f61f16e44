/**
 * What a surplus object waits for before it is removed. While a desired route is not in place, the path that now
 * carries its packets is retained down to the FDB entry: a failed replacement must not cost a working path.
 */
import {
  familyOf,
  type Ip,
  type Mac,
  type Prefix,
  prefixAddress,
  prefixLength,
  prefixOf,
} from "../../net/index.ts";
import { addressKind } from "../objects/address.ts";
import { ownDevices } from "../objects/link.ts";
import { neighbourKey } from "../objects/neighbour.ts";
import { isOwnRoute, routeMatches } from "../objects/route.ts";
import type { ObservedNeighbour } from "../observed.ts";
import type { Operation } from "../operation.ts";
import type { BlockedBy } from "./object-stages.ts";
import type { Comparison } from "./stage.ts";

type Removal<Op extends Operation["op"]> = Extract<Operation, { readonly op: Op }>;

export const routeBlockedBy: BlockedBy<Removal<"put-route" | "delete-route">> = (comparison) => {
  const isUnfinished = unfinishedPrefixes(comparison);
  return ({ route }) => (isUnfinished(route.dst) ? `route ${route.dst}` : null);
};

export const neighbourBlockedBy: BlockedBy<Removal<"put-neighbour" | "delete-neighbour">> = (
  comparison,
  removals,
) => {
  const inUse = neighboursInUse(comparison, new Set(removals.map(({ entry }) => entry.ip)));
  return ({ entry }) => (inUse.has(neighbourKey(entry.iface, entry.ip)) ? `route via ${entry.ip}` : null);
};

export const fdbBlockedBy: BlockedBy<Removal<"put-fdb" | "delete-fdb">> = (comparison, removals) => {
  const inUse = macsInUse(comparison, new Set(removals.map(({ entry }) => entry.mac)));
  return ({ entry }) => (inUse.has(`${entry.iface} ${entry.mac}`) ? `neighbour at ${entry.mac}` : null);
};

/**
 * The kernel deletes a device's IPv4 routes with its last IPv4 address (fib_disable_ip), so an address is removed only
 * when its successor is in place.
 */
export const addressBlockedBy: BlockedBy<Removal<"add-address" | "delete-address">> = ({
  desired,
  cache,
}) => {
  const missing = [...desired.addresses.values()].filter(
    (address) => !cache.addresses.has(addressKind.keyOf(address)),
  );
  return ({ address }) => {
    const successor = missing.find(
      ({ iface, ip }) => iface === address.iface && familyOf(ip) === familyOf(address.ip),
    );
    return successor === undefined ? null : `address ${addressKind.keyOf(successor)}`;
  };
};

/** Returns whether a prefix overlaps a desired route that is not in place yet. */
export function unfinishedPrefixes({ desired, cache, ownership }: Comparison): (dst: Prefix) => boolean {
  const unfinished = new Set<Prefix>();
  const around = new Set<Prefix>();
  const shortest = Math.min(...ownership.networks.map(prefixLength));
  desired.routes.forEach((route, key) => {
    if (routeMatches(route, cache.routes.get(key))) return;
    unfinished.add(route.dst);
    for (const wider of upTo(route.dst, shortest)) around.add(wider);
  });
  if (unfinished.size === 0) return () => false;
  return (dst) => around.has(dst) || upTo(dst, shortest).some((wider) => unfinished.has(wider));
}

/** The prefix itself and those that contain it, up to the given length. */
export function upTo(prefix: Prefix, shortest: number): readonly Prefix[] {
  const wider = [prefix];
  const address = prefixAddress(prefix);
  for (let length = prefixLength(prefix) - 1; length >= shortest; length--) {
    wider.push(prefixOf(address, length));
  }
  return wider;
}

/** Keys of the given neighbours that are the gateway of a route of ours, or of one with the key of a desired route. */
function neighboursInUse(comparison: Comparison, ips: ReadonlySet<Ip>): ReadonlySet<string> {
  const { desired, cache, ownership } = comparison;
  const devices = ownDevices(ownership, desired.links, cache);
  const inUse = new Set<string>();
  cache.routes.forEach((route, key) => {
    // Checked before a key is built: there are thousands of routes, and few neighbours to remove.
    if (route.via === null || !ips.has(route.via)) return;
    if (route.iface === null || !desired.links.has(route.iface)) return;
    if (desired.routes.has(key) || isOwnRoute(ownership, devices, route)) {
      inUse.add(neighbourKey(route.iface, route.via));
    }
  });
  return inUse;
}

/** Those of the given MACs that a neighbour in use has, as "device MAC". */
function macsInUse(comparison: Comparison, macs: ReadonlySet<Mac>): ReadonlySet<string> {
  const holders: ObservedNeighbour[] = [];
  for (const entry of comparison.cache.neighbours.values()) {
    if (entry.mac !== null && macs.has(entry.mac)) holders.push(entry);
  }
  if (holders.length === 0) return new Set();
  const inUse = neighboursInUse(comparison, new Set(holders.map(({ ip }) => ip)));
  return new Set(
    holders
      .filter(({ iface, ip }) => inUse.has(neighbourKey(iface, ip)))
      .map(({ iface, mac }) => `${iface} ${mac}`),
  );
}
