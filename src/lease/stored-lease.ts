/** A lease as a store keeps it: a key that names the subnets, and a value that says how to reach their owner. */
import { type DualIp, type DualPrefix, FAMILIES, type Family } from "../net/index.ts";
import { isRetryable, TweedError } from "../runtime/error.ts";
import { byAge } from "./claims.ts";
import type { Lease } from "./lease.ts";
import { decodeLeaseValue } from "./lease-value.ts";
import { parseSubnetKey } from "./subnet-key.ts";

export interface StoredLease extends Lease {
  /** Made by an operator to last: it never expires, and is never given an expiry or deleted. */
  readonly isReservation: boolean;
}

/** @throws TweedError `invalid-lease` when the key names no subnets or the value cannot be read */
export function readStoredLease(key: string, value: Uint8Array, claimedAt: bigint): Lease {
  return { key, subnets: subnetsOf(key), claimedAt, ...decodeLeaseValue(value) };
}

/** null for what is no lease; any other failure is thrown. */
export function ifReadable<L extends StoredLease>(read: () => L): L | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof TweedError && !isRetryable(error)) return null;
    throw error;
  }
}

/** @throws TweedError `invalid-lease` */
export function subnetsOf(key: string): DualPrefix {
  const subnets = parseSubnetKey(key);
  if (subnets !== null) return subnets;
  throw new TweedError({
    code: "invalid-lease",
    operation: "read lease",
    reason: "the key is not of the form 10.5.34.0-24 or 10.5.34.0-24&fc00:0:0:34::-64",
  });
}

/**
 * The leases of the node with these addresses, those with the preferred subnets first, then by age. The node is
 * known by its IPv4 address where it has one and else by its IPv6 address: never by an address it has not.
 */
export function leasesOf<L extends Lease>(
  leases: readonly L[],
  publicIps: DualIp,
  preferred: DualPrefix,
): readonly L[] {
  const family: Family = publicIps.v4 !== null ? "v4" : "v6";
  const ip = publicIps[family];
  if (ip === null) return [];
  const isPreferred = (lease: L) => FAMILIES.every((each) => lease.subnets[each] === preferred[each]);
  return leases
    .filter((lease) => lease.publicIps[family] === ip)
    .sort((a, b) => Number(isPreferred(b)) - Number(isPreferred(a)) || byAge(a, b));
}

export function noSuchLease(key: string): TweedError {
  return new TweedError({
    code: "no-such-lease",
    operation: `release lease ${key}`,
    reason: "there is none of that name, expected one that `tweed store leases` lists",
  });
}
