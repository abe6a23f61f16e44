/**
 * Which backend carries packets between this node and a peer. Both ends work it out from the same two leases, so
 * they agree without talking. Of what both accept it is the one that stands first in both lists taken together, so
 * what both prefer if there is that; between equals an order decides that is the same everywhere. While one end has
 * changed and the other has not, that is the path they are on already. A flannel node accepts exactly the one type
 * that its lease names.
 */
import type { Peer } from "../../../backends/backend.ts";
import type { AcceptedLease, PeerOffer } from "../../lease/accept.ts";
import type { ActiveBackend } from "./active-backend.ts";

export interface ChosenPath {
  readonly backend: ActiveBackend;
  /** The peer as that backend sees it. */
  readonly peer: Peer;
  readonly reason: "preferred by both" | "the peer's only one" | "the best that both accept";
}

/** @param own what this node can receive on, its preferred one first; null when there is nothing in common */
export function choosePath(own: readonly ActiveBackend[], accepted: AcceptedLease): ChosenPath | null {
  const common = own.flatMap((backend) => {
    const peer = offerTo(backend, accepted);
    return peer === null ? [] : [{ backend, peer, place: peer.place }];
  });
  const byPeer = common.toSorted((a, b) => a.place - b.place);
  const rankOf = (candidate: (typeof common)[number]) =>
    common.indexOf(candidate) + byPeer.indexOf(candidate);
  const [best] = common.toSorted((a, b) => rankOf(a) - rankOf(b) || registryOrder(a.backend, b.backend));
  if (best === undefined) return null;
  const { backend, peer } = best;
  return { backend, peer, reason: reasonFor(best, own, accepted) };
}

/** The peer as this backend would reach it. One end of a tunnel has one MAC: of several offers the first counts. */
export function offerTo(backend: ActiveBackend, { offers }: AcceptedLease): PeerOffer | null {
  return offers.find((offer) => offer.type === backend.type && backend.isOnChannel(offer.data)) ?? null;
}

function reasonFor(
  { backend, place }: { readonly backend: ActiveBackend; readonly place: number },
  own: readonly ActiveBackend[],
  { lease }: AcceptedLease,
): ChosenPath["reason"] {
  if (backend === own[0] && place === 0) return "preferred by both";
  return lease.offers.length === 1 ? "the peer's only one" : "the best that both accept";
}

/** The order of the registry, and of channels by their names where one type has several. */
function registryOrder(a: ActiveBackend, b: ActiveBackend): number {
  return a.rank - b.rank || (a.channel < b.channel ? -1 : 1);
}
