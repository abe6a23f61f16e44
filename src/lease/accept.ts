/**
 * Decides which leases become peers. A snapshot is untrusted input: no backend sees any of it before acceptance here.
 * The checks, in order: the subnet (see claims.ts), whether the owner can be reached at what it published, and whether
 * another lease holds any of that (see uniqueness.ts). Each family, and each backend that a lease offers, is evaluated
 * on its own. Only this module resolves conflicts between leases.
 *
 * Pure, and independent of the order in which the store lists its leases.
 */
import { type DualIp, type DualPrefix, type Family, type Ip, isUsableUnicast } from "../net/index.ts";
import { contains, spanText } from "../net/span.ts";
import { AcceptMemory, type Judgement, type Remembered } from "./accept-memory.ts";
import { type Claim, leasableSpan, type NetworkRules, type Rejection, resolveClaims } from "./claims.ts";
import type { Holders } from "./holders.ts";
import type { BackendOffer, Lease, LeaseSnapshot } from "./lease.ts";
import { type DualReading, type ReadOffer, readOffers } from "./offer-reading.ts";
import { type Contested, publisherOf, type ReadClaim, readClaim, Uniqueness } from "./uniqueness.ts";

export interface AcceptContext {
  readonly rules: NetworkRules;
  readonly own: OwnNode;
  readonly read: ReadOffer;
  /** Why the backend of its type cannot reach `peer` with the published data, or null; one family at a time. */
  readonly refuse: (peer: PeerOffer) => string | null;
  /** The result of the last snapshot, or an earlier daemon's; null without any. */
  readonly holders: Holders | null;
  /** Results for leases of earlier snapshots, prepared for this context; they affect the time only. */
  readonly memory?: AcceptMemory;
}

/** This node: its lease's key in the store, its subnets and what it publishes. */
export interface OwnNode {
  readonly key: string | null;
  readonly subnets: DualPrefix;
  readonly publicIps: DualIp;
  /** Further addresses of this host. */
  readonly hostIps?: DualIp;
  /** Addresses that no peer can have: further ones of this host, and the broadcast address of its link. */
  readonly nonPeerIps?: ReadonlySet<Ip>;
  /** The backends it receives on; absent for a command that only reads. */
  readonly offers?: readonly BackendOffer[];
}

/** A peer as one backend would reach it; every field of a family that fails with this backend is null. */
export interface PeerOffer {
  readonly type: string;
  readonly key: string;
  readonly subnets: DualPrefix;
  readonly publicIps: DualIp;
  /** Parsed by its backend. */
  readonly data: Readonly<Record<Family, unknown>>;
  /** Index among the offers of the lease. */
  readonly offerIndex: number;
}

export interface AcceptedLease {
  readonly lease: Lease;
  /** In the owner's order of preference, without those that fail in every family. */
  readonly offers: readonly [PeerOffer, ...PeerOffer[]];
}

export interface Acceptance {
  /** Oldest claim first. */
  readonly peers: readonly AcceptedLease[];
  /** Oldest claim first; a lease that merely lacks a family is not rejected. */
  readonly rejections: readonly Rejection[];
  /** For the next snapshot, which updates them in place if it has the same memory. */
  readonly holders: Holders;
  /** What both this node and another lease publish: this node should choose another value. */
  readonly contested: readonly Contested[];
}

export function accept(snapshot: LeaseSnapshot, context: AcceptContext): Acceptance {
  const { own, read, memory = new AcceptMemory() } = context;
  const readAnew = (claim: Claim) => readClaim(claim, readOffers(claim.lease.offers, claim.subnets, read));
  /** Of the leases that are not remembered. */
  const readings = new Map<Remembered, ReadClaim>();
  // Loops over thousands of leases, which create nothing for a lease that is remembered.
  const resolved = resolveClaims(snapshot.leases, context.rules, own, (lease, v4, v6) => {
    const known = memory.recall(lease, v4, v6);
    if (known !== null) return known;
    const reading = readAnew({ lease, subnets: { v4, v6 } });
    const remembered = memory.remember(reading, publisherOf(lease.key, reading.values));
    readings.set(remembered, reading);
    return remembered;
  });
  const { offers } = own;
  const ownLease = snapshot.leases.find(({ key }) => key === own.key) ?? null;
  const uniqueness = new Uniqueness(
    resolved.claims,
    offers === undefined ? null : { ...own, readings: readOffers(offers, own.subnets, read) },
    ownLease,
    memory.holderTable(context.holders),
    // At a start, peers may know what the last run published, and this node does not know who was first.
    (value) => context.holders !== null && publishedBy(ownLease, own.subnets, read).includes(value),
  );
  const rejections = [...resolved.rejections];
  const peers: AcceptedLease[] = [];
  for (const claim of resolved.claims) {
    // What other leases hold may change from snapshot to snapshot; without a conflict nothing else does.
    const isAlone = uniqueness.isAlone(claim.publisher);
    const known = isAlone ? claim.judgement : null;
    const found = known ?? judgement(readings.get(claim) ?? readAnew(claim), context, uniqueness);
    claim.judgement = isAlone ? found : null;
    const { accepted, rejections: own } = found;
    if (accepted !== null) peers.push(accepted);
    for (const rejection of own) rejections.push(rejection);
  }
  const { holders, contested } = uniqueness;
  return { peers, rejections, holders, contested };
}

/** The unique values of this node's lease as it is in the store. */
function publishedBy(
  lease: Lease | null,
  subnets: DualPrefix,
  read: AcceptContext["read"],
): readonly string[] {
  if (lease === null) return [];
  return readClaim({ lease, subnets }, readOffers(lease.offers, subnets, read)).values.map(
    ({ text }) => text,
  );
}

/** One object for thousands of leases. */
const NONE: readonly Rejection[] = [];

function judgement(claim: ReadClaim, context: AcceptContext, uniqueness: Uniqueness): Judgement {
  const evaluation: Evaluation = { ...context, uniqueness, rejections: [] };
  const reachable = reachableFamilies(claim, evaluation);
  const [first, ...others] = claim.readings.flatMap(
    (reading, index) => usableOffer(claim, index, reading, reachable, evaluation) ?? [],
  );
  const rejections = evaluation.rejections.length === 0 ? NONE : evaluation.rejections;
  if (first === undefined) return { accepted: null, rejections };
  return { accepted: { lease: claim.lease, offers: [first, ...others] }, rejections };
}

/** One lease under evaluation. */
interface Evaluation extends Pick<AcceptContext, "rules" | "own" | "refuse"> {
  readonly uniqueness: Uniqueness;
  readonly rejections: Rejection[];
}

/** The claim's subnets whose owner publishes a valid address of the same family that no other lease holds. */
function reachableFamilies(claim: ReadClaim, evaluation: Evaluation): DualPrefix {
  const { lease, subnets } = claim;
  const isReachable = (family: Family): boolean => {
    if (subnets[family] === null) return false;
    const ip = lease.publicIps[family];
    const reason =
      ip === null ? "no public address is published for this family" : refuseIp(ip, family, evaluation);
    if (reason !== null) evaluation.rejections.push({ key: lease.key, family, code: "public-ip", reason });
    return reason === null && isAlone(claim, family, null, evaluation);
  };
  return { v4: isReachable("v4") ? subnets.v4 : null, v6: isReachable("v6") ? subnets.v6 : null };
}

function refuseIp(ip: Ip, family: Family, { rules, own }: Evaluation): string | null {
  if (!isUsableUnicast(ip)) return `public address ${ip} is not a usable unicast address`;
  if (ip === own.publicIps[family] || ip === own.hostIps?.[family]) {
    return `public address ${ip} is this node's own`;
  }
  if (own.nonPeerIps?.has(ip)) {
    return `public address ${ip} is this host's own or the broadcast address of its link`;
  }
  const rule = rules[family];
  const leasable = rule === null ? null : leasableSpan(rule);
  // A packet to it would be routed to a peer, and so into a tunnel again.
  if (leasable === null || !contains(leasable, ip)) return null;
  return `public address ${ip} is in the range of leasable subnets, ${spanText(leasable)}`;
}

/** True when no other lease holds the public address or, given an offer, the offer's data of this family. */
function isAlone(claim: ReadClaim, family: Family, offer: number | null, evaluation: Evaluation): boolean {
  const duplicate = evaluation.uniqueness.duplicate(claim, family, offer);
  if (duplicate === null) return true;
  const { code, value, by } = duplicate;
  evaluation.rejections.push({
    key: claim.lease.key,
    family,
    code,
    reason: `${value} is held by ${by}, which published it first`,
  });
  return false;
}

function usableOffer(
  claim: ReadClaim,
  index: number,
  readings: DualReading,
  subnets: DualPrefix,
  evaluation: Evaluation,
): PeerOffer | null {
  const { lease } = claim;
  const refused = (family: Family, reason: string): null => {
    evaluation.rejections.push({ key: lease.key, family, code: "backend", reason });
    return null;
  };
  const usableIn = (family: Family): PeerOffer | null => {
    const reading = readings[family];
    if (subnets[family] === null || reading === null) return null;
    if (typeof reading === "string") return refused(family, reading);
    const { data } = reading;
    const datas = family === "v4" ? { v4: data, v6: null } : { v4: null, v6: data };
    const peer = narrowed(lease, index, only(family, subnets), datas);
    const reason = evaluation.refuse(peer);
    if (reason !== null) return refused(family, reason);
    return isAlone(claim, family, index, evaluation) ? peer : null;
  };
  const v4 = usableIn("v4");
  const v6 = usableIn("v6");
  if (v4 === null || v6 === null) return v4 ?? v6;
  return narrowed(lease, index, subnets, { v4: v4.data.v4, v6: v6.data.v6 });
}

function only(family: Family, subnets: DualPrefix): DualPrefix {
  if (subnets[family === "v4" ? "v6" : "v4"] === null) return subnets;
  return family === "v4" ? { v4: subnets.v4, v6: null } : { v4: null, v6: subnets.v6 };
}

/** One offer of the lease, with only the families of `subnets`. */
function narrowed(lease: Lease, offerIndex: number, subnets: DualPrefix, data: PeerOffer["data"]): PeerOffer {
  const { publicIps, offers } = lease;
  return {
    type: (offers[offerIndex] as BackendOffer).type,
    key: lease.key,
    subnets,
    publicIps: {
      v4: subnets.v4 === null ? null : publicIps.v4,
      v6: subnets.v6 === null ? null : publicIps.v6,
    },
    data,
    offerIndex,
  };
}
