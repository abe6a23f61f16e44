/** A stored lease: a key that names the subnets, and a value with the data to reach their owner. */
import type { DualPrefix } from "../net/index.ts";
import { isRetryable, TweedError } from "../runtime/error.ts";
import { IDENTITY_FIELD, readIdentity } from "./host-identity.ts";
import type { Lease } from "./lease.ts";
import { parseLeaseFields, readLeaseContent } from "./lease-value.ts";
import { parseSubnetKey } from "./subnet-key.ts";

export interface StoredLease extends Lease {
  /** Created by an operator: it never expires, and no daemon sets an expiry on it or deletes it. */
  readonly isReservation: boolean;
}

/** @throws TweedError `invalid-lease` when the key names no subnets or the value cannot be read */
export function readStoredLease(key: string, value: Uint8Array, claimedAt: bigint): Lease {
  const subnets = subnetsOf(key);
  const fields = parseLeaseFields(value);
  return {
    key,
    subnets,
    claimedAt,
    ...readLeaseContent(fields),
    ...readIdentity(fields.value(IDENTITY_FIELD)),
  };
}

/** null for an entry that is no lease; throws any other failure. */
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

/** The listing is no proof that a node has left. */
export function storeEmptied(reason: string): TweedError {
  return new TweedError({ code: "store-emptied", operation: "list leases", reason, retryable: true });
}

export function noSuchLease(key: string): TweedError {
  return new TweedError({
    code: "no-such-lease",
    operation: `release lease ${key}`,
    reason: "no such lease, expected one that `tweed store leases` lists",
  });
}
