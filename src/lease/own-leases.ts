/** Which leases are this node's own, and which another live node holds at this node's address. Pure. */
import { isDeepStrictEqual } from "node:util";
import { type DualIp, type DualPrefix, FAMILIES, type Family } from "../net/index.ts";
import { TweedError } from "../runtime/error.ts";
import { byAge } from "./claims.ts";
import { compareHosts, describeHost, type HostIdentity } from "./host-identity.ts";
import type { Lease, LeaseSnapshot } from "./lease.ts";
import type { StoredLease } from "./stored-lease.ts";

/** What a node knows of itself when it looks for its lease. */
export interface SelfDescription {
  /** Absent for a node that is known by its address alone, as flannel's are. */
  readonly identity?: HostIdentity;
  readonly publicIps: DualIp;
  readonly previousSubnets: DualPrefix;
  /** The lease that it holds until now, as it was last published. */
  readonly held: Lease | null;
  readonly dispute: Dispute;
}

/** What happened to this node's leases since its daemon started. */
export interface Dispute {
  /** Held until somebody else wrote on it; it may be taken back. */
  readonly lost: Lease | null;
  /** Ids of nodes whose lease this one took as its own: who writes on it again is alive, and has it. */
  readonly takenFrom: ReadonlySet<string>;
}

export const NO_DISPUTE: Dispute = { lost: null, takenFrom: new Set() };

export interface OwnLeases<L extends StoredLease> {
  /** The best one first: held until now, known by identity, by machine, with the subnets of before, the oldest. */
  readonly own: readonly L[];
  /** Live leases of other nodes that publish this node's address. */
  readonly rivals: readonly L[];
}

export function findOwnLeases<L extends StoredLease>(
  leases: readonly L[],
  self: SelfDescription,
): OwnLeases<L> {
  const isPreferred = (lease: L) =>
    FAMILIES.every((each) => lease.subnets[each] === self.previousSubnets[each]);
  const order = (a: L, b: L) =>
    first(isHeld(a, self), isHeld(b, self)) ||
    first(isById(a, self), isById(b, self)) ||
    // Anybody can write this node's address, and an older lease that names no machine would be fought for without end.
    first(isOfThisMachine(a, self), isOfThisMachine(b, self)) ||
    first(isPreferred(a), isPreferred(b)) ||
    byAge(a, b);
  const own = leases.filter((lease) => isOwn(lease, self)).sort(order);
  const rivals = leases.filter((lease) => !isOwn(lease, self) && hasAddress(lease, self.publicIps));
  return { own, rivals: rivals.sort(byAge) };
}

/** Whoever's address it has: a node keeps its lease when its address changes. */
export function isById({ identity }: Lease, self: Pick<SelfDescription, "identity">): boolean {
  return identity !== undefined && identity.id === self.identity?.id;
}

function isOfThisMachine({ identity }: Lease, self: SelfDescription): boolean {
  if (identity === undefined || self.identity === undefined) return false;
  return compareHosts(identity, self.identity) === "same";
}

/** For who looks for peers: this node is none of its own, whatever lease it has beside the one that it holds. */
export function withoutFormerLeases(
  snapshot: LeaseSnapshot,
  ownKey: string,
  identity: HostIdentity | null,
): LeaseSnapshot {
  if (identity === null) return snapshot;
  const isFormer = (lease: Lease) => lease.key !== ownKey && isById(lease, { identity });
  return snapshot.leases.some(isFormer)
    ? { ...snapshot, leases: snapshot.leases.filter((lease) => !isFormer(lease)) }
    : snapshot;
}

/** Whose lease it was that becomes this node's; null when it was its own before, or nobody's in particular. */
export function takenFrom({ identity }: Lease, self: Pick<SelfDescription, "identity">): string | null {
  return identity === undefined || identity.id === self.identity?.id ? null : identity.id;
}

/** @throws TweedError `lease-conflict`, retryable because addresses change and leases end */
export function refuseRival(rival: Lease): never {
  const { key, identity, publicIps } = rival;
  const who = identity === undefined ? "another node" : describeHost(identity);
  throw new TweedError({
    code: "lease-conflict",
    operation: "acquire lease",
    reason:
      `${who} holds lease ${key} and publishes this node's address ${publicIps.v4 ?? publicIps.v6}; ` +
      "give each node an address of its own with --iface or --public-ip, " +
      `or, if that node is gone for good, delete its lease with: tweed store release ${key}`,
    retryable: true,
  });
}

function isOwn(lease: StoredLease, self: SelfDescription): boolean {
  const { identity } = lease;
  if (isById(lease, self) || isHeld(lease, self)) return true;
  if (!hasAddress(lease, self.publicIps)) return false;
  if (identity === undefined || self.identity === undefined) return true;
  const { lost, takenFrom } = self.dispute;
  if (takenFrom.has(identity.id)) return false;
  if (lost !== null && lost.key === lease.key && lost.claimedAt === lease.claimedAt) return true;
  // An operator gave the subnet to the address, and machines are replaced.
  if (lease.isReservation) return true;
  // A machine that cannot be told from others is known by its address, as with flannel; a live owner takes it back.
  return compareHosts(identity, self.identity) !== "other";
}

/** A node whose address has changed keeps its subnet: it is known by what it published before. */
function isHeld({ key, publicIps, identity }: Lease, { held, identity: own }: SelfDescription): boolean {
  if (held === null || key !== held.key || !isDeepStrictEqual(publicIps, held.publicIps)) return false;
  return identity === undefined || own === undefined || identity.id === own.id;
}

/** A node is known by its IPv4 address where it has one and else by its IPv6 address: never by an address it has not. */
function hasAddress(lease: Lease, publicIps: DualIp): boolean {
  const family: Family = publicIps.v4 !== null ? "v4" : "v6";
  return publicIps[family] !== null && lease.publicIps[family] === publicIps[family];
}

function first(a: boolean, b: boolean): number {
  return Number(b) - Number(a);
}
