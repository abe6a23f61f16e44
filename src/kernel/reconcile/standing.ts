/** When a desired object stands as it should, and what is still missing below one that does not. */
import type { ObservedFdb, ObservedNeighbour, ObservedRoute } from "../observed.ts";
import type { FdbState, NeighbourState, RouteState } from "../state.ts";
import { isCompatible } from "./link-change.ts";
import { fdbPlace, neighbourPlace } from "./place.ts";
import type { Situation } from "./stage.ts";

export function fdbStands(want: FdbState, have: ObservedFdb | undefined): boolean {
  return have?.isPermanent === true && have.remote === want.remote;
}

export function neighbourStands(want: NeighbourState, have: ObservedNeighbour | undefined): boolean {
  return have?.isPermanent === true && have.mac === want.mac;
}

export function routeStands(want: RouteState, have: ObservedRoute | undefined): boolean {
  return (
    have !== undefined &&
    isSameWay(have, want) &&
    have.onlink === want.onlink &&
    have.protocol === want.protocol &&
    have.mtuBytes === want.mtuBytes &&
    have.source === null
  );
}

type Way = Pick<ObservedRoute, "via" | "iface" | "alsoFrom">;

export function isSameWay(one: Way, other: Way): boolean {
  return (
    one.via === other.via &&
    one.iface === other.iface &&
    one.alsoFrom?.via === other.alsoFrom?.via &&
    one.alsoFrom?.iface === other.alsoFrom?.iface
  );
}

/** Devices that the state does not make are the host's business: the kernel's answer tells about those. */
export function missingForDevice(situation: Situation, iface: string): string | null {
  const want = situation.desired.links.get(iface);
  if (want === undefined) return null;
  const have = situation.picture.links.get(iface);
  const isRight = have !== undefined && isCompatible(want, have, linkContext(situation));
  return isRight ? null : `link ${iface}`;
}

export function missingForNeighbour(situation: Situation, neighbour: NeighbourState): string | null {
  const { desired, picture } = situation;
  const place = fdbPlace({ iface: neighbour.iface, mac: neighbour.mac, remote: null });
  const fdb = desired.fdb.get(place);
  if (fdb !== undefined && !fdbStands(fdb, picture.fdb.get(place))) return `fdb ${place}`;
  return missingForDevice(situation, neighbour.iface);
}

/** A route may turn to a path only when every part of that path stands. */
export function missingForRoute(situation: Situation, route: RouteState): string | null {
  const { desired, picture } = situation;
  if (desired.links.has(route.iface) && picture.links.get(route.iface)?.isUp !== true) {
    return `link ${route.iface} up`;
  }
  if (route.via !== null) {
    const place = neighbourPlace(route.iface, route.via);
    const neighbour = desired.neighbours.get(place);
    if (neighbour !== undefined) {
      if (!neighbourStands(neighbour, picture.neighbours.get(place))) return `neighbour ${place}`;
      return missingForNeighbour(situation, neighbour);
    }
  }
  return missingForDevice(situation, route.iface);
}

export function linkContext(situation: Situation) {
  return { links: situation.picture.links, fixedLocal: situation.fixedLocal };
}
