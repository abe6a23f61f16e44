/** A key and its value as etcd holds them. */
import type { IKeyValue } from "etcd3";
import { MAX_LEASE_BYTES } from "../lease-value.ts";

export interface Entry {
  /** Without the prefix of the range that was asked for. */
  readonly key: string;
  readonly value: Buffer;
  readonly createRevision: bigint;
  readonly modRevision: bigint;
  /** "0" for a key without a lease. */
  readonly leaseId: string;
}

/** Stands for a value that is too large to be received; longer than a lease may be, so that it is read as none. */
const TOO_LARGE = Buffer.alloc(MAX_LEASE_BYTES + 1);

/** An entry whose value nobody can receive. */
export function withoutValue(entry: Entry): Entry {
  return { ...entry, value: TOO_LARGE };
}

export function readEntry(keyValue: IKeyValue, prefix: string): Entry {
  return {
    key: keyValue.key.toString().slice(prefix.length),
    value: keyValue.value,
    createRevision: BigInt(keyValue.create_revision),
    modRevision: BigInt(keyValue.mod_revision),
    leaseId: keyValue.lease,
  };
}
