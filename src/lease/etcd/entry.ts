/** A key and its value as stored in etcd. */
import { isUtf8 } from "node:buffer";
import type { IKeyValue } from "etcd3";
import { MAX_LEASE_BYTES } from "../lease-value.ts";

export interface Entry {
  /** Without the prefix of the requested range. */
  readonly key: string;
  readonly value: Buffer;
  readonly createRevision: bigint;
  readonly modRevision: bigint;
  /** How often the key was written since it was created. */
  readonly version: string;
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
    key: textOf(keyValue.key.subarray(Buffer.byteLength(prefix))),
    value: keyValue.value,
    createRevision: BigInt(keyValue.create_revision),
    modRevision: BigInt(keyValue.mod_revision),
    version: keyValue.version,
    leaseId: keyValue.lease,
  };
}

/** Different keys have different texts: what is not UTF-8 begins with half of a surrogate pair, as no UTF-8 does. */
function textOf(key: Buffer): string {
  return isUtf8(key) ? key.toString() : `\uD800${key.toString("hex")}`;
}
