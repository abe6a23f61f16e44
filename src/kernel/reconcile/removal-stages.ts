/**
 * What is ours and no longer desired, from the near end of a path to the far. A device that goes takes everything
 * on it along, so its routes, neighbours and entries are not removed one by one.
 */
import { isOwnBlackhole, isOwnRoute, ownDevices } from "./ownership.ts";
import type { Proposal, Situation } from "./stage.ts";
import { macsInUse, neighboursInUse, unfinishedPrefixes } from "./succession.ts";

export function deleteRoutes(situation: Situation): Proposal[] {
  const { desired, picture, ownership } = situation;
  const devices = devicesOf(situation);
  const surplus = [];
  for (const [place, route] of picture.routes) {
    if (desired.routes.has(place) || !isOwnRoute(ownership, devices, route)) continue;
    if (!devices.has(route.iface) || desired.links.has(route.iface)) surplus.push(route);
  }
  if (surplus.length === 0) return [];
  const isUnfinished = unfinishedPrefixes(situation);
  return surplus.map(({ metric, source: _, ...route }) => ({
    operation: { op: "delete-route", route, metric },
    waitsFor: isUnfinished(route.dst) ? `route ${route.dst}` : null,
  }));
}

export function deleteBlackholes({ desired, picture, ownership }: Situation): Proposal[] {
  const proposals: Proposal[] = [];
  for (const [place, route] of picture.routes) {
    if (desired.blackholes.has(place) || !isOwnBlackhole(ownership, route)) continue;
    proposals.push({ operation: { op: "delete-blackhole", dst: route.dst }, waitsFor: null });
  }
  return proposals;
}

export function deleteNeighbours(situation: Situation): Proposal[] {
  const { desired, picture } = situation;
  const surplus = [];
  for (const [place, entry] of picture.neighbours) {
    if (!entry.isPermanent || entry.mac === null || !desired.links.has(entry.iface)) continue;
    if (!desired.neighbours.has(place)) surplus.push({ place, ...entry, mac: entry.mac });
  }
  if (surplus.length === 0) return [];
  const inUse = neighboursInUse(situation, devicesOf(situation), new Set(surplus.map(({ ip }) => ip)));
  return surplus.map(({ place, iface, ip, mac }) => ({
    operation: { op: "delete-neighbour", entry: { iface, ip, mac } },
    waitsFor: inUse.has(place) ? `route via ${ip}` : null,
  }));
}

/** Entries without a remote end are the kernel's own, those without "permanent" were learned. */
export function deleteFdb(situation: Situation): Proposal[] {
  const { desired, picture } = situation;
  const surplus = [];
  for (const [place, entry] of picture.fdb) {
    if (!entry.isPermanent || entry.remote === null || !desired.links.has(entry.iface)) continue;
    if (!desired.fdb.has(place)) surplus.push({ ...entry, remote: entry.remote });
  }
  if (surplus.length === 0) return [];
  const inUse = macsInUse(situation, devicesOf(situation), new Set(surplus.map(({ mac }) => mac)));
  return surplus.map(({ iface, mac, remote }) => ({
    operation: { op: "delete-fdb", entry: { iface, mac, remote } },
    waitsFor: inUse.has(`${iface} ${mac}`) ? `neighbour at ${mac}` : null,
  }));
}

export function deleteLinks(situation: Situation): Proposal[] {
  const { desired, picture } = situation;
  const surplus = [...devicesOf(situation)].filter((name) => !desired.links.has(name));
  if (surplus.length === 0) return [];
  const isUnfinished = unfinishedPrefixes(situation);
  const inUse = new Map<string, string>();
  for (const { iface, dst } of picture.routes.values()) {
    if (iface !== null && surplus.includes(iface) && isUnfinished(dst)) inUse.set(iface, dst);
  }
  return surplus.map((name) => {
    const successor = inUse.get(name);
    const waitsFor = successor === undefined ? null : `route ${successor}`;
    return { operation: { op: "delete-link", name }, waitsFor };
  });
}

function devicesOf({ ownership, desired, picture }: Situation): ReadonlySet<string> {
  return ownDevices(ownership, desired.links, picture);
}
