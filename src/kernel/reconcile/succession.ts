/**
 * What still carries packets although it is no longer desired. While a desired route does not stand, whatever
 * reaches its addresses now is left alone, down to the FDB entry: a broken successor must not cost a working path.
 */
import { type Ip, type Mac, type Prefix, prefixAddress, prefixLength, prefixOf } from "../../net/index.ts";
import type { ObservedNeighbour } from "../observed.ts";
import { isOwnRoute } from "./ownership.ts";
import { neighbourPlace } from "./place.ts";
import type { Situation } from "./stage.ts";
import { routeStands } from "./standing.ts";

/** Tells whether a prefix overlaps a desired route that does not stand yet. */
export function unfinishedPrefixes({ desired, picture, ownership }: Situation): (dst: Prefix) => boolean {
  const unfinished = new Set<Prefix>();
  const around = new Set<Prefix>();
  const shortest = Math.min(...ownership.networks.map(prefixLength));
  for (const [place, route] of desired.routes) {
    if (routeStands(route, picture.routes.get(place))) continue;
    unfinished.add(route.dst);
    for (const wider of upTo(route.dst, shortest)) around.add(wider);
  }
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

/** Those of the given neighbours, by place, that a route of ours, or one in the place of a desired one, leads to. */
export function neighboursInUse(
  situation: Situation,
  devices: ReadonlySet<string>,
  ips: ReadonlySet<Ip>,
): ReadonlySet<string> {
  const { desired, picture, ownership } = situation;
  const inUse = new Set<string>();
  for (const [place, route] of picture.routes) {
    // Looked up before a place is put together: thousands of routes, few neighbours in question.
    if (route.via === null || !ips.has(route.via)) continue;
    if (route.iface === null || !desired.links.has(route.iface)) continue;
    if (desired.routes.has(place) || isOwnRoute(ownership, devices, route)) {
      inUse.add(neighbourPlace(route.iface, route.via));
    }
  }
  return inUse;
}

/** Those of the given MACs, each behind its device, that a neighbour in use has. */
export function macsInUse(
  situation: Situation,
  devices: ReadonlySet<string>,
  macs: ReadonlySet<Mac>,
): ReadonlySet<string> {
  const holders: ObservedNeighbour[] = [];
  for (const entry of situation.picture.neighbours.values()) {
    if (entry.mac !== null && macs.has(entry.mac)) holders.push(entry);
  }
  if (holders.length === 0) return new Set();
  const inUse = neighboursInUse(situation, devices, new Set(holders.map(({ ip }) => ip)));
  return new Set(
    holders
      .filter(({ iface, ip }) => inUse.has(neighbourPlace(iface, ip)))
      .map(({ iface, mac }) => `${iface} ${mac}`),
  );
}
