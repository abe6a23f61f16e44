/**
 * A lease as a file: flannel's JSON, then fields of ours. A file without ours, as an operator would write
 * it, is a reservation, and its claim is as old as the file.
 */
import type { JsonObject, JsonValue } from "../../runtime/json.ts";
import { IDENTITY_FIELD, identityFields, readIdentity } from "../host-identity.ts";
import type { Lease } from "../lease.ts";
import { encodeLeaseValue, parseLeaseFields, readLeaseContent } from "../lease-value.ts";
import { type StoredLease, subnetsOf } from "../stored-lease.ts";

export interface LeaseFile extends StoredLease {
  /** The run of the daemon that wrote it; a new run on the same node takes it over. Empty for an operator's. */
  readonly owner: string;
  /** Wall clock, as it is valid across hosts and restarts; null when it never expires. */
  readonly expiresAtWallMs: number | null;
}

const SUFFIX = ".json";

export function leaseFileName(key: string): string {
  return key + SUFFIX;
}

/** The key of a file in the leases' directory; null when it is not a lease's or is temporary. */
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
 * A claim is no older than its file, so a writer cannot take another node's subnet with an old `ClaimedAt`, and hardly
 * younger: each new claim is the youngest, and one after a claim of the far future would lose to any that is made later.
 * A renewal sets the file's time of modification to the time of the claim.
 * @param writtenAtWallMs when the file was modified
 * @throws TweedError `invalid-lease` when the key or the text is not a lease's
 */
export function parseLeaseFile(key: string, text: Uint8Array, writtenAtWallMs: number): LeaseFile {
  const subnets = subnetsOf(key);
  const fields = parseLeaseFields(text);
  const claimedAt = fields.value("ClaimedAt");
  const expiresAt = fields.value("ExpiresAt");
  const owner = fields.value("Owner");
  // A malformed time counts as expired: the writer meant the lease to expire, at an unknown time.
  const expiresAtWallMs = expiresAt === null ? null : Date.parse(String(expiresAt)) || 0;
  return {
    key,
    subnets,
    ...readLeaseContent(fields),
    ...readIdentity(fields.value(IDENTITY_FIELD)),
    claimedAt: claimedSince(BigInt(Math.max(0, Math.round(writtenAtWallMs))), claimedAt),
    owner: typeof owner === "string" ? owner : "",
    expiresAtWallMs,
    isReservation: expiresAtWallMs === null,
  };
}

/** File systems round the time of a file, down to whole seconds. */
const MAX_AHEAD_MS = 1_000n;

function claimedSince(writtenAtMs: bigint, value: JsonValue): bigint {
  const claimedAt = typeof value === "string" && /^\d{1,30}$/.test(value) ? BigInt(value) : 0n;
  if (claimedAt < writtenAtMs) return writtenAtMs;
  const latest = writtenAtMs + MAX_AHEAD_MS;
  return claimedAt > latest ? latest : claimedAt;
}

export function isExpired(file: LeaseFile, wallMs: number): boolean {
  return file.expiresAtWallMs !== null && file.expiresAtWallMs <= wallMs;
}
