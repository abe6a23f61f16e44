/** The parts of a path, from the far end to the near: each is put when the one below it stands. */
import { isBlackhole } from "./ownership.ts";
import type { Proposal, Situation } from "./stage.ts";
import {
  fdbStands,
  missingForDevice,
  missingForNeighbour,
  missingForRoute,
  neighbourStands,
  routeStands,
} from "./standing.ts";

export function putFdb(situation: Situation): Proposal[] {
  const proposals: Proposal[] = [];
  for (const [place, entry] of situation.desired.fdb) {
    if (fdbStands(entry, situation.picture.fdb.get(place))) continue;
    const waitsFor = missingForDevice(situation, entry.iface);
    proposals.push({ operation: { op: "put-fdb", entry }, waitsFor });
  }
  return proposals;
}

export function putNeighbours(situation: Situation): Proposal[] {
  const proposals: Proposal[] = [];
  for (const [place, entry] of situation.desired.neighbours) {
    if (neighbourStands(entry, situation.picture.neighbours.get(place))) continue;
    const waitsFor = missingForNeighbour(situation, entry);
    proposals.push({ operation: { op: "put-neighbour", entry }, waitsFor });
  }
  return proposals;
}

export function putRoutes(situation: Situation): Proposal[] {
  const proposals: Proposal[] = [];
  for (const [place, route] of situation.desired.routes) {
    if (routeStands(route, situation.picture.routes.get(place))) continue;
    const waitsFor = missingForRoute(situation, route);
    proposals.push({ operation: { op: "put-route", route }, waitsFor });
  }
  return proposals;
}

/** Not part of a path, and in nobody's way: it waits for nothing. */
export function putBlackholes({ desired, picture }: Situation): Proposal[] {
  const proposals: Proposal[] = [];
  for (const [place, dst] of desired.blackholes) {
    const have = picture.routes.get(place);
    if (have !== undefined && isBlackhole(have)) continue;
    proposals.push({ operation: { op: "put-blackhole", dst }, waitsFor: null });
  }
  return proposals;
}
