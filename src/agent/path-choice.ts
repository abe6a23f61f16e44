/**
 * Which backend carries packets between this node and a peer. Both ends work it out from the same two leases, so
 * they agree without talking: what both prefer, else the first that both accept in an order that is the same
 * everywhere. A flannel node accepts exactly the one type that its lease names.
 */
import type { Peer } from "../../backends/backend.ts";
import { BACKENDS } from "../../backends/registry.ts";
import type { AcceptedLease } from "../lease/accept.ts";
import type { ActiveBackend } from "./active-backend.ts";

export interface ChosenPath {
  readonly backend: ActiveBackend;
  /** The peer as that backend sees it. */
  readonly peer: Peer;
  readonly reason: "preferred by both" | "the peer's only one" | "first that both accept";
}

/** @param own what this node can receive on, its preferred one first; null when there is nothing in common */
export function choosePath(own: readonly ActiveBackend[], accepted: AcceptedLease): ChosenPath | null {
  const common = own.flatMap((backend) => {
    const offer = accepted.offers.find(
      (each) => each.type === backend.type && backend.isOnChannel(each.data),
    );
    return offer === undefined ? [] : [{ backend, peer: offer }];
  });
  const [first] = common;
  if (first === undefined) return null;
  const [preferred] = accepted.lease.offers;
  const isPreferredByBoth =
    first.backend === own[0] &&
    first.peer.type === preferred.type &&
    first.backend.isOnChannel(preferred.data);
  if (isPreferredByBoth) return { ...first, reason: "preferred by both" };
  if (accepted.lease.offers.length === 1) return { ...first, reason: "the peer's only one" };
  const best = common.reduce((a, b) => (comesBefore(b.backend, a.backend) ? b : a));
  return { ...best, reason: "first that both accept" };
}

/** The order of the registry, and of channels by their names where one type has several. */
function comesBefore(a: ActiveBackend, b: ActiveBackend): boolean {
  const difference = rank(a) - rank(b);
  return difference < 0 || (difference === 0 && a.channel < b.channel);
}

function rank(backend: ActiveBackend): number {
  return BACKENDS.findIndex((each) => each.type === backend.type);
}
