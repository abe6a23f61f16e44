/**
 * Which leases become peers. A snapshot is what anybody could write into the store, so nothing of it reaches a
 * backend before it stood here: first whose subnet it is (see claims.ts), then whether its owner can be reached
 * at what it published. Each family, and each backend that a lease offers, is judged on its own.
 *
 * Pure, and independent of the order in which the store lists its leases.
 */
import {
  type DualIp,
  type DualPrefix,
  type Family,
  type Ip,
  isUsableUnicast,
  type Prefix,
} from "../net/index.ts";
import { type Claim, type NetworkRules, type Rejection, settleClaims } from "./claims.ts";
import type { BackendData, BackendOffer, Lease, LeaseSnapshot } from "./lease.ts";
import { addressNumber, spanOf } from "./span.ts";

export interface AcceptContext {
  readonly rules: NetworkRules;
  /** This node: its lease's key in the store, what it holds and what it publishes. */
  readonly own: { readonly key: string | null; readonly subnets: DualPrefix; readonly publicIps: DualIp };
  /** Why a backend of this type cannot reach `peer` by what it published, or null; given one family at a time. */
  readonly refuse: (peer: PeerOffer, type: string) => string | null;
}

/** A peer as one backend would reach it; a family that fails with this backend is null throughout. */
export interface PeerOffer {
  readonly type: string;
  readonly key: string;
  readonly subnets: DualPrefix;
  readonly publicIps: DualIp;
  readonly data: BackendData;
}

export interface AcceptedLease {
  readonly lease: Lease;
  /** In the owner's order of preference; those that nothing is left of are absent. */
  readonly offers: readonly [PeerOffer, ...PeerOffer[]];
}

export interface Acceptance {
  /** Oldest claim first. */
  readonly peers: readonly AcceptedLease[];
  /** In the order of the claims' age; a lease that merely lacks a family is not among them. */
  readonly rejections: readonly Rejection[];
}

export function accept(snapshot: LeaseSnapshot, context: AcceptContext): Acceptance {
  const { claims, rejections } = settleClaims(snapshot.leases, context.rules, context.own);
  const allRejections = [...rejections];
  const peers: AcceptedLease[] = [];
  for (const claim of claims) {
    const reachable = reachableFamilies(claim, context.own.publicIps, allRejections);
    const [first, ...others] = claim.lease.offers.flatMap(
      (offer) => usableOffer(claim.lease, offer, reachable, context.refuse, allRejections) ?? [],
    );
    if (first !== undefined) peers.push({ lease: claim.lease, offers: [first, ...others] });
  }
  return { peers, rejections: allRejections };
}

/** The claim's subnets whose owner published a sane address for the same family. */
function reachableFamilies(claim: Claim, ownIps: DualIp, rejections: Rejection[]): DualPrefix {
  const isReachable = (family: Family): boolean => {
    const subnet = claim.subnets[family];
    if (subnet === null) return false;
    const ip = claim.lease.publicIps[family];
    const reason =
      ip === null
        ? "no public address is published for this family"
        : !isUsableUnicast(ip)
          ? `public address ${ip} is not one that a node can have`
          : ip === ownIps[family]
            ? `public address ${ip} is this node's own`
            : liesIn(ip, subnet)
              ? `public address ${ip} lies in the subnet ${subnet} that it should lead to`
              : null;
    if (reason !== null) rejections.push({ key: claim.lease.key, family, code: "public-ip", reason });
    return reason === null;
  };
  return {
    v4: isReachable("v4") ? claim.subnets.v4 : null,
    v6: isReachable("v6") ? claim.subnets.v6 : null,
  };
}

/** Of one family, both. */
function liesIn(ip: Ip, subnet: Prefix): boolean {
  const { first, last } = spanOf(subnet);
  const address = addressNumber(ip);
  return address >= first && address <= last;
}

function usableOffer(
  lease: Lease,
  offer: BackendOffer,
  subnets: DualPrefix,
  refuse: AcceptContext["refuse"],
  rejections: Rejection[],
): PeerOffer | null {
  const usableIn = (family: Family): PeerOffer | null => {
    if (subnets[family] === null) return null;
    const peer = narrowed(lease, offer, only(family, subnets));
    const reason = refuse(peer, offer.type);
    if (reason === null) return peer;
    rejections.push({ key: lease.key, family, code: "backend", reason });
    return null;
  };
  const v4 = usableIn("v4");
  const v6 = usableIn("v6");
  return v4 === null || v6 === null ? (v4 ?? v6) : narrowed(lease, offer, subnets);
}

function only(family: Family, subnets: DualPrefix): DualPrefix {
  if (subnets[family === "v4" ? "v6" : "v4"] === null) return subnets;
  return family === "v4" ? { v4: subnets.v4, v6: null } : { v4: null, v6: subnets.v6 };
}

/** The lease as seen through one offer, cut down to the families that `subnets` still has. */
function narrowed(lease: Lease, offer: BackendOffer, subnets: DualPrefix): PeerOffer {
  const { publicIps } = lease;
  return {
    type: offer.type,
    key: lease.key,
    subnets,
    publicIps: {
      v4: subnets.v4 === null ? null : publicIps.v4,
      v6: subnets.v6 === null ? null : publicIps.v6,
    },
    data: {
      v4: subnets.v4 === null ? null : offer.data.v4,
      v6: subnets.v6 === null ? null : offer.data.v6,
    },
  };
}
