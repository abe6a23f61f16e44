/** A key and its value as etcd holds them. */
import type { IKeyValue } from "etcd3";

export interface Entry {
  /** Without the prefix of the range that was asked for. */
  readonly key: string;
  readonly value: Buffer;
  readonly createRevision: bigint;
  readonly modRevision: bigint;
  /** "0" for a key without a lease. */
  readonly leaseId: string;
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
