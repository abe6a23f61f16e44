/** A key and its value as stored in etcd. */
import type { IKeyValue } from "etcd3";
import { MAX_LEASE_BYTES } from "../lease-value.ts";

export interface Entry {
  /** Without the prefix of the requested range. */
  readonly key: string;
  readonly value: Buffer;
  readonly createRevision: bigint;
  readonly modRevision: bigint;
  /** "0" for a key without a lease. */
  readonly leaseId: string;
}

/** Placeholder for a value too large to receive; longer than the limit of a lease, so that it is rejected as one. */
const TOO_LARGE = Buffer.alloc(MAX_LEASE_BYTES + 1);

/** An entry whose value is too large to receive. */
export function withoutValue(entry: Entry): Entry {
  return { ...entry, value: TOO_LARGE };
}

export function readEntry(keyValue: IKeyValue, prefix: string): Entry {
  return {
    // Not a piece of the whole key, which would retain it for each of thousands of leases.
    key: keyValue.key.toString("utf8", Buffer.byteLength(prefix)),
    value: keyValue.value,
    createRevision: BigInt(keyValue.create_revision),
    modRevision: BigInt(keyValue.mod_revision),
    leaseId: keyValue.lease,
  };
}
