/** The transactions that claim, publish and delete a lease; each fails if another writer changed the key meanwhile. */
import { isDeepStrictEqual } from "node:util";
import type { ICompare, IRequestOp } from "etcd3";
import { type DualPrefix, FAMILIES } from "../../net/index.ts";
import type { Clock } from "../../runtime/clock.ts";
import { messageOf } from "../../runtime/error.ts";
import type { Log } from "../../runtime/log.ts";
import { withDeadline } from "../../runtime/timer.ts";
import type { Listing } from "../claim-plan.ts";
import { identityFields } from "../host-identity.ts";
import { isSameContent, type Lease } from "../lease.ts";
import { encodeLeaseValue } from "../lease-value.ts";
import type { LeaseRequest } from "../store.ts";
import { ifReadable, readStoredLease, type StoredLease } from "../stored-lease.ts";
import { formatSubnetKey, parseSubnetKey } from "../subnet-key.ts";
import type { EtcdConnection } from "./connection.ts";
import type { Entry } from "./entry.ts";
import { type GrantedLease, grantLease, NO_LEASE, renewLease, revokeLease } from "./etcd-lease.ts";
import { type EtcdKeys, keysUnder, rangeFields } from "./keys.ts";
import { list } from "./list.ts";
import type { EtcdTiming } from "./timing.ts";

export interface EtcdStoredLease extends StoredLease {
  readonly modRevision: bigint;
  readonly leaseId: string;
}

/** A key as this node wrote it. While the key has this revision, no other writer has changed it. */
export interface Written {
  readonly lease: Lease;
  readonly modRevision: bigint;
  /** null for a reservation. */
  readonly granted: GrantedLease | null;
}

/** The content and identity that a node publishes. */
export type Published = Pick<LeaseRequest, "content" | "identity">;

export class Claimant {
  readonly #connection: EtcdConnection;
  readonly #keys: EtcdKeys;
  readonly #timing: EtcdTiming;
  readonly #clock: Clock;
  readonly #log: Log;

  constructor(connection: EtcdConnection, keys: EtcdKeys, timing: EtcdTiming, clock: Clock, log: Log) {
    this.#connection = connection;
    this.#keys = keys;
    this.#timing = timing;
    this.#clock = clock;
    this.#log = log;
  }

  async list(signal: AbortSignal): Promise<Listing<EtcdStoredLease>> {
    const leases: EtcdStoredLease[] = [];
    const unreadable: DualPrefix[] = [];
    await list(
      this.#connection,
      keysUnder(this.#keys.subnets),
      (entry) => {
        const subnets = parseSubnetKey(entry.key);
        if (subnets === null) return;
        const lease = ifReadable(() => readEtcdLease(entry));
        if (lease === null) unreadable.push(subnets);
        else leases.push(lease);
      },
      signal,
    );
    return { leases, unreadable, versionOf: ({ modRevision }) => modRevision };
  }

  /** Claims free subnets; null when another node won the race. */
  async create(subnets: DualPrefix, published: Published, signal: AbortSignal): Promise<Written | null> {
    const key = formatSubnetKey(subnets);
    const granted = await grantLease(this.#connection, this.#timing.leaseTtlSeconds, this.#clock, signal);
    let isOurs = false;
    try {
      const everyKey = keysUnder(this.#keys.subnets);
      const answer = await this.#connection.write(`create lease ${key}`, signal, (client) =>
        client.kv.txn({
          compare: [{ key: this.#keys.lease(key), target: "Version", result: "Equal", version: 0 }],
          success: [
            this.#put(key, published, granted.id),
            // The key being new is not enough: another key may have the subnet of one family.
            { request_range: { ...rangeFields(everyKey), keys_only: true } },
          ],
        }),
      );
      if (!answer.succeeded) return null;
      const claimed = answer.responses[1]?.response_range.kvs ?? [];
      const others = claimed.map((each) => each.key.toString().slice(everyKey.prefix.length));
      if (
        claimsAny(
          subnets,
          others.filter((other) => other !== key),
        )
      )
        return null;
      isOurs = true;
      const modRevision = BigInt(answer.header.revision);
      return { lease: leaseOf({ key, subnets, claimedAt: modRevision }, published), modRevision, granted };
    } finally {
      if (!isOurs) await this.#revokeUnused(granted.id);
    }
  }

  /**
   * Publishes on a lease that this node has already; null when another writer changed it meanwhile. A reservation
   * gets no time to live, and identical content is not written again.
   */
  async publish(known: EtcdStoredLease, published: Published, signal: AbortSignal): Promise<Written | null> {
    const lease = leaseOf(known, published);
    const granted = known.isReservation ? null : await this.#extend(known.leaseId, signal);
    const isSameLease = granted === null || granted.id === known.leaseId;
    const isSameNode = isDeepStrictEqual(known.identity, published.identity);
    if (isSameLease && isSameNode && isSameContent(known, published.content)) {
      return { lease, modRevision: known.modRevision, granted };
    }
    const answer = await this.#connection.write(`publish lease ${known.key}`, signal, (client) =>
      client.kv.txn({
        compare: unchanged(this.#keys.lease(known.key), known),
        success: [this.#put(known.key, published, granted?.id ?? NO_LEASE)],
      }),
    );
    if (answer.succeeded) return { lease, modRevision: BigInt(answer.header.revision), granted };
    if (granted !== null && !isSameLease) await this.#revokeUnused(granted.id);
    return null;
  }

  /** Deletes one of this node's own leases unless another writer changed it meanwhile. */
  async remove(stale: EtcdStoredLease, signal: AbortSignal): Promise<void> {
    const key = this.#keys.lease(stale.key);
    await this.#connection.write(`delete lease ${stale.key}`, signal, (client) =>
      client.kv.txn({
        compare: unchanged(key, stale),
        success: [{ request_delete_range: { key } }],
      }),
    );
    this.#log.info(
      { op: "delete-lease", key: stale.key },
      "own lease deleted, it is outside the network or a second one",
    );
  }

  async #extend(leaseId: string, signal: AbortSignal): Promise<GrantedLease> {
    const renewed = await renewLease(
      this.#connection,
      leaseId,
      this.#timing.requestTimeoutMs,
      this.#clock,
      signal,
    );
    return renewed ?? grantLease(this.#connection, this.#timing.leaseTtlSeconds, this.#clock, signal);
  }

  /** Also while the daemon stops: an unused etcd lease would otherwise last a day. */
  async #revokeUnused(leaseId: string): Promise<void> {
    try {
      await withDeadline(this.#clock, this.#timing.requestTimeoutMs, (late) =>
        revokeLease(this.#connection, leaseId, late),
      );
    } catch (error) {
      this.#log.warn({ op: "revoke-an-etcd-lease", reason: messageOf(error) }, "unused lease left to expire");
    }
  }

  #put(key: string, { content, identity }: Published, leaseId: string): IRequestOp {
    const value = Buffer.from(encodeLeaseValue(content, identityFields(identity)));
    return { request_put: { key: this.#keys.lease(key), value, lease: leaseId } };
  }
}

function leaseOf(
  { key, subnets, claimedAt }: Pick<Lease, "key" | "subnets" | "claimedAt">,
  { content, identity }: Published,
): Lease {
  return { key, subnets, claimedAt, ...content, ...(identity === undefined ? {} : { identity }) };
}

export function readEtcdLease(entry: Entry): EtcdStoredLease {
  const { key, value, createRevision, modRevision, leaseId } = entry;
  const isReservation = leaseId === NO_LEASE;
  return { ...readStoredLease(key, value, createRevision), modRevision, leaseId, isReservation };
}

/** In the history of a restored backup another lease may have been written at the same revision. */
function unchanged(key: Buffer, { modRevision, claimedAt }: EtcdStoredLease): ICompare[] {
  return [
    { key, target: "Mod", result: "Equal", mod_revision: modRevision.toString() },
    { key, target: "Create", result: "Equal", create_revision: claimedAt.toString() },
  ];
}

/** Subnets of one length overlap only when equal; those of another length are no leases of this network. */
function claimsAny(subnets: DualPrefix, keys: readonly string[]): boolean {
  const claimed = keys.map(parseSubnetKey);
  return FAMILIES.some(
    (family) => subnets[family] !== null && claimed.some((each) => each?.[family] === subnets[family]),
  );
}
