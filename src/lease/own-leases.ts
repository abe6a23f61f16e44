/** Finds the leases that are this node's own, and those of other live nodes at this node's address. Pure. */
import { isDeepStrictEqual } from "node:util";
import { type DualIp, type DualPrefix, FAMILIES, type Family } from "../net/index.ts";
import { TweedError } from "../runtime/error.ts";
import { byAge } from "./claims.ts";
import { compareHosts, describeHost, type HostIdentity } from "./host-identity.ts";
import type { Lease, LeaseSnapshot } from "./lease.ts";
import type { StoredLease } from "./stored-lease.ts";

/** What identifies this node when it looks for its lease. */
export interface SelfDescription {
  /** Absent for a node that only its address identifies, as in flannel. */
  readonly identity?: HostIdentity;
  readonly publicIps: DualIp;
  readonly previousSubnets: DualPrefix;
  /** The lease that it holds now, as last published. */
  readonly held: Lease | null;
  readonly dispute: Dispute;
}

/** Conflicts about this node's leases since its daemon started. */
export interface Dispute {
  /** A lease that another writer overwrote; it may be taken back. */
  readonly lost: Lease | null;
  /**
   * Versions of the leases that this node took over, by the id of the node before: one that writes its lease again is
   * alive, and owns it. A restored store has the version that was taken, or an earlier one, and proves nothing.
   */
  readonly takenFrom: ReadonlyMap<string, bigint>;
}

export const NO_DISPUTE: Dispute = { lost: null, takenFrom: new Map() };

/** A lease of another node, or of this one under another id, that this node took over. */
export interface Taken {
  readonly id: string;
  readonly version: bigint;
}

/** Grows with each write of a lease. */
export type VersionOf<L> = (lease: L) => bigint;

export interface OwnLeases<L extends StoredLease> {
  /** Best match first: the held one, by identity, by machine, by previous subnets, the oldest. */
  readonly own: readonly L[];
  /** Live leases of other nodes that publish this node's address. */
  readonly rivals: readonly L[];
}

export function findOwnLeases<L extends StoredLease>(
  leases: readonly L[],
  self: SelfDescription,
  versionOf: VersionOf<L>,
): OwnLeases<L> {
  const isPreferred = (lease: L) =>
    FAMILIES.every((each) => lease.subnets[each] === self.previousSubnets[each]);
  const order = (a: L, b: L) =>
    first(isHeld(a, self), isHeld(b, self)) ||
    first(isById(a, self), isById(b, self)) ||
    // Any writer can publish this node's address; without this, an older lease that names no machine would be
    // contested for ever.
    first(isOfThisMachine(a, self), isOfThisMachine(b, self)) ||
    first(isPreferred(a), isPreferred(b)) ||
    byAge(a, b);
  const isOwn = (lease: L) => isOwnLease(lease, self, versionOf);
  const own = leases.filter(isOwn).sort(order);
  const rivals = leases.filter((lease) => !isOwn(lease) && hasAddress(lease, self.publicIps));
  return { own, rivals: rivals.sort(byAge) };
}

/** Ignores addresses: a node retains its lease when its address changes. */
export function isById({ identity }: Lease, self: Pick<SelfDescription, "identity">): boolean {
  return identity !== undefined && identity.id === self.identity?.id;
}

function isOfThisMachine({ identity }: Lease, self: SelfDescription): boolean {
  if (identity === undefined || self.identity === undefined) return false;
  return compareHosts(identity, self.identity) === "same";
}

/** Removes other leases of this node than the held one, so that it does not become its own peer. */
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

/** The previous owner of a lease that becomes this node's; null when that was this node or is unknown. */
export function takenFrom<L extends Lease>(
  lease: L,
  self: Pick<SelfDescription, "identity">,
  versionOf: VersionOf<L>,
): Taken | null {
  const { identity } = lease;
  if (identity === undefined || identity.id === self.identity?.id) return null;
  return { id: identity.id, version: versionOf(lease) };
}

/** @throws TweedError `lease-conflict`, retryable because addresses change and leases expire */
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

function isOwnLease<L extends StoredLease>(
  lease: L,
  self: SelfDescription,
  versionOf: VersionOf<L>,
): boolean {
  const { identity } = lease;
  if (isById(lease, self) || isHeld(lease, self)) return true;
  if (!hasAddress(lease, self.publicIps)) return false;
  if (identity === undefined || self.identity === undefined) return true;
  const { lost, takenFrom } = self.dispute;
  const taken = takenFrom.get(identity.id);
  if (taken !== undefined && versionOf(lease) > taken) return false;
  if (lost !== null && lost.key === lease.key && lost.claimedAt === lease.claimedAt) return true;
  // An operator reserved the subnet for the address, whichever machine has it.
  if (lease.isReservation) return true;
  // A machine without an identity is recognised by its address, as in flannel; a live owner takes the lease back.
  return compareHosts(identity, self.identity) !== "other";
}

/** Compares with what this node published last, so that it retains its subnet when its address changes. */
function isHeld({ key, publicIps, identity }: Lease, { held, identity: own }: SelfDescription): boolean {
  if (held === null || key !== held.key || !isDeepStrictEqual(publicIps, held.publicIps)) return false;
  return identity === undefined || own === undefined || identity.id === own.id;
}

/** The IPv4 address identifies a node, or the IPv6 address of a node without IPv4; a missing address matches none. */
function hasAddress(lease: Lease, publicIps: DualIp): boolean {
  const family: Family = publicIps.v4 !== null ? "v4" : "v6";
  return publicIps[family] !== null && lease.publicIps[family] === publicIps[family];
}

function first(a: boolean, b: boolean): number {
  return Number(b) - Number(a);
}
