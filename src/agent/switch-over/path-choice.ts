/**
 * Which backend carries packets between this node and a peer. Both ends compute it from the same two leases, so they
 * agree without a negotiation. The backend with the lowest sum of its places in both lists wins, and so the one that
 * both prefer, if there is one; the order of the registry, the same on all nodes, breaks ties. While only one end has
 * changed, the result is the path already in use. A flannel node accepts exactly the one type that its lease names.
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

/** @param own backends on which this node can receive, the preferred one first. @returns null without a common one */
export function choosePath(own: readonly ActiveBackend[], accepted: AcceptedLease): ChosenPath | null {
  const common = own.flatMap((backend) => {
    const peer = offerTo(backend, accepted);
    return peer === null ? [] : [{ backend, peer, place: peer.offerIndex }];
  });
  const byPeer = common.toSorted((a, b) => a.place - b.place);
  const rankOf = (candidate: (typeof common)[number]) =>
    common.indexOf(candidate) + byPeer.indexOf(candidate);
  const [best] = common.toSorted((a, b) => rankOf(a) - rankOf(b) || registryOrder(a.backend, b.backend));
  if (best === undefined) return null;
  const { backend, peer } = best;
  return { backend, peer, reason: reasonFor(best, own, accepted) };
}

/** The peer as this backend would reach it. One end of a tunnel has one MAC, so the first matching offer is used. */
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

/** By place in the registry, then by channel name where one type has several channels. */
function registryOrder(a: ActiveBackend, b: ActiveBackend): number {
  return a.rank - b.rank || (a.channel < b.channel ? -1 : 1);
}
