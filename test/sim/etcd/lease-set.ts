/** etcd's leases: a time to live with keys attached. Model of lease/lessor.go of etcd 3.4. */
import { ETCD_ERRORS } from "./rpc-error.ts";

interface ServerLease {
  readonly id: string;
  readonly ttlSeconds: number;
  expiresAtMs: number;
  readonly keys: Set<string>;
}

const MAX_TTL_SECONDS = 9_000_000_000;
/** The lessor looks for expired leases this often. */
const EXPIRY_CHECK_MS = 500;

export class LeaseSet {
  readonly #leases = new Map<string, ServerLease>();
  readonly #minTtlSeconds: number;

  constructor(minTtlSeconds: number) {
    this.#minTtlSeconds = minTtlSeconds;
  }

  copy(): LeaseSet {
    const copy = new LeaseSet(this.#minTtlSeconds);
    for (const lease of this.#leases.values()) {
      copy.#leases.set(lease.id, { ...lease, keys: new Set(lease.keys) });
    }
    return copy;
  }

  /** @throws RpcError; @returns the time to live, which may be longer than requested */
  grant(id: string, ttlSeconds: number, nowMs: number): number {
    if (ttlSeconds > MAX_TTL_SECONDS) throw ETCD_ERRORS.leaseTtlTooLarge();
    if (this.#leases.has(id)) throw ETCD_ERRORS.leaseExists();
    const granted = Math.max(ttlSeconds, this.#minTtlSeconds);
    const expiresAtMs = nowMs + granted * 1000;
    this.#leases.set(id, { id, ttlSeconds: granted, expiresAtMs, keys: new Set() });
    return granted;
  }

  /** Expired, but its keys are still there. */
  isExpired(id: string, nowMs: number): boolean {
    const lease = this.#leases.get(id);
    return lease !== undefined && lease.expiresAtMs <= nowMs;
  }

  /** @returns the time to live; 0 for a lease that does not exist */
  keepAlive(id: string, nowMs: number): number {
    const lease = this.#leases.get(id);
    if (lease === undefined) return 0;
    lease.expiresAtMs = nowMs + lease.ttlSeconds * 1000;
    return lease.ttlSeconds;
  }

  /** @returns its keys, to be deleted; @throws RpcError */
  revoke(id: string): readonly string[] {
    const keys = this.keysOf(id);
    this.#leases.delete(id);
    return keys;
  }

  /** Sorted. @throws RpcError */
  keysOf(id: string): readonly string[] {
    const lease = this.#leases.get(id);
    if (lease === undefined) throw ETCD_ERRORS.leaseNotFound();
    return [...lease.keys].sort((a, b) => (a < b ? -1 : 1));
  }

  has(id: string): boolean {
    return this.#leases.has(id);
  }

  /** In seconds, cut to whole ones; null for a lease that does not exist. */
  timeToLive(id: string, nowMs: number): { readonly remaining: number; readonly granted: number } | null {
    const lease = this.#leases.get(id);
    if (lease === undefined) return null;
    return { remaining: Math.trunc((lease.expiresAtMs - nowMs) / 1000), granted: lease.ttlSeconds };
  }

  attach(id: string, key: string): void {
    this.#leases.get(id)?.keys.add(key);
  }

  detach(id: string, key: string): void {
    this.#leases.get(id)?.keys.delete(key);
  }

  expired(nowMs: number): readonly string[] {
    return [...this.#leases.values()].filter((lease) => lease.expiresAtMs <= nowMs).map(({ id }) => id);
  }

  /** When the lessor finds the next expired lease; null without leases. */
  nextExpiryMs(): number | null {
    let first = Number.POSITIVE_INFINITY;
    for (const { expiresAtMs } of this.#leases.values()) first = Math.min(first, expiresAtMs);
    return Number.isFinite(first) ? Math.ceil(first / EXPIRY_CHECK_MS) * EXPIRY_CHECK_MS : null;
  }

  /** Only a test does this: etcd cannot shorten a lease. */
  expire(id: string, nowMs: number): void {
    const lease = this.#leases.get(id);
    if (lease !== undefined) lease.expiresAtMs = nowMs;
  }

  /** A new leader does not know when clients renewed last: each lease begins again (lessor.Promote). */
  promote(extendMs: number, nowMs: number): void {
    for (const lease of this.#leases.values()) lease.expiresAtMs = nowMs + lease.ttlSeconds * 1000 + extendMs;
  }
}
