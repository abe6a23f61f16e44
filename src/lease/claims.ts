/**
 * Which claims to subnets stand. Of two leases that claim the same addresses the older claim stands, whatever backend
 * it names and whether or not this node can reach it: nothing else that an owner publishes loses it its subnet to a
 * newcomer. All nodes apply the same rule, so all of them refuse the same newcomer.
 */
import {
  addressBits,
  type DualPrefix,
  type DualStack,
  type Family,
  type Ipv4Prefix,
  type Ipv6Prefix,
  type Prefix,
  prefixFamily,
  prefixLength,
} from "../net/index.ts";
import { Coverage } from "./coverage.ts";
import type { Lease } from "./lease.ts";
import { type Span, spanOf, spanText } from "./span.ts";

/** What a subnet of one family must satisfy to be a lease of this network. */
export interface NetworkRule<P extends Prefix> {
  readonly network: P;
  /** The one length that subnets have; null where each node's may differ (Kubernetes). */
  readonly subnetLength: number | null;
  /** The part of the network that subnets are leased from; hosts may have addresses in the rest. Absent for all of it. */
  readonly leasable?: Span;
}
export type NetworkRules = DualStack<NetworkRule<Ipv4Prefix>, NetworkRule<Ipv6Prefix>>;

export type RejectionCode =
  | "outside-network"
  | "subnet-length"
  | "overlaps-own"
  | "overlaps-older"
  | "public-ip"
  | "duplicate-public-ip"
  | "duplicate-mac"
  | "backend";

/** Why a lease, or one family of it, or one backend that it offers, is not used. */
export interface Rejection {
  readonly key: string;
  readonly family: Family;
  readonly code: RejectionCode;
  readonly reason: string;
}

export interface Claim {
  readonly lease: Lease;
  /** The families that stand; a family that is off on this node is null like one that was refused. */
  readonly subnets: DualPrefix;
}

/** The older claim first, and by key where the times are equal: the order does not depend on that of the store. */
export function byAge(a: Lease, b: Lease): number {
  if (a.claimedAt !== b.claimedAt) return a.claimedAt < b.claimedAt ? -1 : 1;
  return a.key < b.key ? -1 : a.key > b.key ? 1 : 0;
}

/** The claims of others that stand, oldest first. O(n log n). */
export function resolveClaims(
  leases: readonly Lease[],
  rules: NetworkRules,
  own: { readonly key: string | null; readonly subnets: DualPrefix },
): { readonly claims: readonly Claim[]; readonly rejections: readonly Rejection[] } {
  const checks = { v4: claimCheck(rules.v4, own.subnets.v4), v6: claimCheck(rules.v6, own.subnets.v6) };
  const claims: Claim[] = [];
  const rejections: Rejection[] = [];
  for (const lease of leases.filter((other) => other.key !== own.key).sort(byAge)) {
    const stands = (family: Family): boolean => {
      const subnet = lease.subnets[family];
      const check = checks[family];
      if (subnet === null || check === null) return false;
      const refusal = check(subnet);
      if (refusal !== null) rejections.push({ key: lease.key, family, ...refusal });
      return refusal === null;
    };
    const v4 = stands("v4") ? lease.subnets.v4 : null;
    const v6 = stands("v6") ? lease.subnets.v6 : null;
    if (v4 !== null || v6 !== null) claims.push({ lease, subnets: { v4, v6 } });
  }
  return { claims, rejections };
}

export function leasableSpan({ network, leasable }: NetworkRule<Prefix>): Span {
  return leasable ?? spanOf(network);
}

type Refusal = Pick<Rejection, "code" | "reason">;

/** Checks claims of one family, to be given in order of age, against those that stood before. */
function claimCheck(
  rule: NetworkRule<Prefix> | null,
  own: Prefix | null,
): ((subnet: Prefix) => Refusal | null) | null {
  if (rule === null) return null;
  const bounds = leasableSpan(rule);
  const ours = own === null ? null : Coverage.of([own]);
  const standing = new Coverage();
  const longest = addressBits(prefixFamily(rule.network));
  return (subnet) => {
    const span = spanOf(subnet);
    if (span.first < bounds.first || span.last > bounds.last) {
      const reason = `${subnet} is not within what may be leased of the network ${rule.network}, ${spanText(bounds)}`;
      return { code: "outside-network", reason };
    }
    const length = prefixLength(subnet);
    if (rule.subnetLength !== null ? length !== rule.subnetLength : length >= longest) {
      const wanted = rule.subnetLength === null ? `shorter than /${longest}` : `/${rule.subnetLength}`;
      return { code: "subnet-length", reason: `${subnet} has the wrong length, expected ${wanted}` };
    }
    if (ours?.lastTakenWithin(span) != null) {
      return { code: "overlaps-own", reason: `${subnet} overlaps this node's own subnet ${own}` };
    }
    if (!standing.claim(span)) {
      return { code: "overlaps-older", reason: `${subnet} overlaps a subnet that was claimed earlier` };
    }
    return null;
  };
}
