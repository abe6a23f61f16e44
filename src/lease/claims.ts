/**
 * Resolves overlapping claims to subnets: the older claim wins, whatever backend it names and whether or not this node
 * can reach it, so an owner cannot lose its subnet to a newcomer by what else it publishes. All nodes apply the same
 * rule, so all of them refuse the same newcomer.
 */
import {
  addressBits,
  type DualPrefix,
  type DualStack,
  FAMILIES,
  type Family,
  type Ipv4Prefix,
  type Ipv6Prefix,
  type Prefix,
  prefixFamily,
  prefixLength,
} from "../net/index.ts";
import { type Span, spanOf, spanText } from "../net/span.ts";
import { Coverage } from "./coverage.ts";
import type { Lease } from "./lease.ts";

/** The conditions that a subnet of one family must meet to be a lease of this network. */
export interface NetworkRule<P extends Prefix> {
  readonly network: P;
  /** The length of every subnet; null where each node's may differ (Kubernetes). */
  readonly subnetLength: number | null;
  /** The part of the network to lease subnets from; hosts may have addresses in the rest. Absent for all of it. */
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
  /** The valid families; one that was refused is null, and so is one that is off on this node. */
  readonly subnets: DualPrefix;
}

/** The older claim first; equal times are ordered by key, so the order of the store does not matter. */
export function byAge(a: Lease, b: Lease): number {
  if (a.claimedAt !== b.claimedAt) return a.claimedAt < b.claimedAt ? -1 : 1;
  return a.key < b.key ? -1 : a.key > b.key ? 1 : 0;
}

/** Whether an older lease has a subnet of this one under another key: every node refuses that family of this one. */
export function isClaimedBefore(lease: Lease, leases: readonly Lease[]): boolean {
  const hasSubnetOf = (other: Lease) =>
    FAMILIES.some(
      (family) => lease.subnets[family] !== null && lease.subnets[family] === other.subnets[family],
    );
  return leases.some((other) => other.key !== lease.key && byAge(other, lease) < 0 && hasSubnetOf(other));
}

/** The valid claims of other nodes, oldest first. O(n log n). @param claimOf returns the claim to these valid subnets */
export function resolveClaims<C>(
  leases: readonly Lease[],
  rules: NetworkRules,
  own: { readonly key: string | null; readonly subnets: DualPrefix },
  claimOf: (lease: Lease, v4: DualPrefix["v4"], v6: DualPrefix["v6"]) => C,
): { readonly claims: readonly C[]; readonly rejections: readonly Rejection[] } {
  const checks = { v4: claimCheck(rules.v4, own.subnets.v4), v6: claimCheck(rules.v6, own.subnets.v6) };
  const isValid = (lease: Lease, family: Family): boolean => {
    const subnet = lease.subnets[family];
    const check = checks[family];
    if (subnet === null || check === null) return false;
    const refusal = check(subnet);
    if (refusal !== null) rejections.push({ key: lease.key, family, ...refusal });
    return refusal === null;
  };
  const claims: C[] = [];
  const rejections: Rejection[] = [];
  for (const lease of leases.filter((other) => other.key !== own.key).sort(byAge)) {
    const v4 = isValid(lease, "v4") ? lease.subnets.v4 : null;
    const v6 = isValid(lease, "v6") ? lease.subnets.v6 : null;
    if (v4 !== null || v6 !== null) claims.push(claimOf(lease, v4, v6));
  }
  return { claims, rejections };
}

export function leasableSpan({ network, leasable }: NetworkRule<Prefix>): Span {
  return leasable ?? spanOf(network);
}

type Refusal = Pick<Rejection, "code" | "reason">;

/** Checks claims of one family, oldest first, against the valid ones before them. */
function claimCheck(
  rule: NetworkRule<Prefix> | null,
  own: Prefix | null,
): ((subnet: Prefix) => Refusal | null) | null {
  if (rule === null) return null;
  const bounds = leasableSpan(rule);
  const ours = own === null ? null : Coverage.of([own]);
  const claimed = new Coverage();
  const longest = addressBits(prefixFamily(rule.network));
  return (subnet) => {
    const span = spanOf(subnet);
    if (span.first < bounds.first || span.last > bounds.last) {
      const reason = `${subnet} is outside the leasable range of network ${rule.network}, ${spanText(bounds)}`;
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
    if (!claimed.claim(span)) {
      return { code: "overlaps-older", reason: `${subnet} overlaps a subnet that was claimed earlier` };
    }
    return null;
  };
}
