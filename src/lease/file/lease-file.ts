/**
 * A lease as a file: flannel's JSON with fields of ours behind it. A file without them, as an operator
 * would write it, is a reservation, and as old as the file.
 */
import type { JsonObject, JsonValue } from "../../runtime/json.ts";
import { IDENTITY_FIELD, identityFields, readIdentity } from "../host-identity.ts";
import type { Lease } from "../lease.ts";
import { encodeLeaseValue, parseLeaseFields, readLeaseContent } from "../lease-value.ts";
import { type StoredLease, subnetsOf } from "../stored-lease.ts";

export interface LeaseFile extends StoredLease {
  /** The daemon's run that wrote it; a new run of the same node takes it over. Empty for an operator's. */
  readonly owner: string;
  /** Wall clock, because many processes and restarts share it; null when it never expires. */
  readonly expiresAtWallMs: number | null;
}

const SUFFIX = ".json";

export function leaseFileName(key: string): string {
  return key + SUFFIX;
}

/** The key that a file in the leases' directory stands for; null when it is none of ours or a temporary one. */
export function keyOfFile(name: string): string | null {
  return name.endsWith(SUFFIX) && !name.startsWith(".") ? name.slice(0, -SUFFIX.length) : null;
}

/** @throws TweedError `lease-too-large` */
export function formatLeaseFile(lease: Lease, owner: string, expiresAtWallMs: number | null): string {
  const ours: JsonObject = {
    ...identityFields(lease.identity),
    Owner: owner,
    ClaimedAt: lease.claimedAt.toString(),
    ...(expiresAtWallMs === null ? {} : { ExpiresAt: new Date(expiresAtWallMs).toISOString() }),
  };
  return encodeLeaseValue(lease, ours);
}

/**
 * A claim is no older than its file, whatever the text says: who writes a file now takes nobody's subnet by a number in
 * it. Whoever renews a lease gives the new file the time of the claim.
 * @param writtenAtWallMs when the file was modified
 * @throws TweedError `invalid-lease` when the key or the text is none
 */
export function parseLeaseFile(key: string, text: Uint8Array, writtenAtWallMs: number): LeaseFile {
  const subnets = subnetsOf(key);
  const fields = parseLeaseFields(text);
  const claimedAt = fields.value("ClaimedAt");
  const expiresAt = fields.value("ExpiresAt");
  const owner = fields.value("Owner");
  // What is no time has run out long ago: somebody meant it to expire, and nobody can say when.
  const expiresAtWallMs = expiresAt === null ? null : Date.parse(String(expiresAt)) || 0;
  return {
    key,
    subnets,
    ...readLeaseContent(fields),
    ...readIdentity(fields.value(IDENTITY_FIELD)),
    claimedAt: laterOf(claimedAtOf(claimedAt), BigInt(Math.max(0, Math.round(writtenAtWallMs)))),
    owner: typeof owner === "string" ? owner : "",
    expiresAtWallMs,
    isReservation: expiresAtWallMs === null,
  };
}

function claimedAtOf(value: JsonValue): bigint {
  return typeof value === "string" && /^\d{1,30}$/.test(value) ? BigInt(value) : 0n;
}

function laterOf(one: bigint, other: bigint): bigint {
  return one > other ? one : other;
}

export function isExpired(file: LeaseFile, wallMs: number): boolean {
  return file.expiresAtWallMs !== null && file.expiresAtWallMs <= wallMs;
}
