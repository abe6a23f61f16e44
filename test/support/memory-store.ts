/**
 * A lease store in memory, so that a whole cluster runs in one process: a `MemoryCluster` is the data, and each daemon
 * gets a `MemoryStore` on it. Nothing expires; otherwise it behaves as the real ones.
 */
import { planClaim, previousLease } from "../../src/lease/claim-plan.ts";
import { coalesced, snapshotIntervalMs } from "../../src/lease/coalesce.ts";
import type { Lease, LeaseSnapshot } from "../../src/lease/lease.ts";
import type {
  HeldLease,
  LeaseRequest,
  LeaseStore,
  PreviousRequest,
  StoreSurroundings,
} from "../../src/lease/store.ts";
import { StoreHealth } from "../../src/lease/store-health.ts";
import { noSuchLease, type StoredLease, storeEmptied } from "../../src/lease/stored-lease.ts";
import { formatSubnetKey } from "../../src/lease/subnet-key.ts";
import { TweedError } from "../../src/runtime/error.ts";
import { Latest } from "../../src/runtime/latest.ts";

interface Owned extends StoredLease {
  /** null for a node that is not in this process. */
  readonly owner: MemoryStore | null;
  /** Of this write. */
  readonly version: bigint;
}

export class MemoryCluster {
  readonly leases = new Map<string, Owned>();
  configuration: string | null = null;
  /**
   * During an outage it refuses requests, as an etcd that is down, or holds them, as a store that waits for its end.
   */
  away: "refuses" | "holds" | null = null;
  /** Leases that a listing has and the watch does not deliver. */
  hidden: readonly Owned[] = [];
  /** Called after each change. */
  onChange: () => void = () => {};
  /** Health of the stores that daemons have opened on it. */
  readonly healths: StoreHealth[] = [];
  #claims = 0n;
  readonly #listeners = new Set<Latest<null>>();

  /** A time of this cluster, later than all before. */
  nextClaim(): bigint {
    return ++this.#claims;
  }

  /** The lease of a node that is not in this process. */
  putOther(lease: Lease): void {
    this.leases.set(lease.key, { ...lease, isReservation: false, owner: null, version: this.nextClaim() });
  }

  /** To be called after each change. */
  announce(): void {
    this.onChange();
    for (const listener of this.#listeners) listener.put(null);
  }

  /** Waits until it answers. @throws TweedError `store-unavailable` */
  async answers(signal: AbortSignal): Promise<void> {
    if (this.away === "refuses") {
      const reason = "nobody answers";
      throw new TweedError({ code: "store-unavailable", operation: "ask", reason, retryable: true });
    }
    if (this.away === "holds") for await (const _ of this.changes(signal)) if (this.away === null) return;
    signal.throwIfAborted();
  }

  /** Yields once at first, then after each change. */
  async *changes(signal: AbortSignal): AsyncGenerator<null, never> {
    const listener = new Latest<null>();
    this.#listeners.add(listener);
    try {
      yield null;
      for (;;) yield await listener.take(signal);
    } finally {
      this.#listeners.delete(listener);
    }
  }
}

export class MemoryStore implements LeaseStore {
  readonly name = "memory";
  readonly subnets = "leased";
  readonly identifiesNodes = false;
  readonly health: StoreHealth;
  readonly #cluster: MemoryCluster;
  readonly #surroundings: StoreSurroundings;

  constructor(cluster: MemoryCluster, surroundings: StoreSurroundings) {
    this.#cluster = cluster;
    this.#surroundings = surroundings;
    this.health = new StoreHealth(surroundings.clock);
    cluster.healths.push(this.health);
  }

  async *configurations(signal: AbortSignal): AsyncGenerator<string, void> {
    let known: string | null = null;
    for await (const _ of this.#cluster.changes(signal)) {
      const { configuration } = this.#cluster;
      if (configuration === null || configuration === known) continue;
      known = configuration;
      yield configuration;
    }
  }

  async acquire(request: LeaseRequest, signal: AbortSignal): Promise<HeldLease> {
    await this.#cluster.answers(signal);
    const { leases } = this.#cluster;
    const listing = {
      leases: [...leases.values()],
      unreadable: [],
      versionOf: ({ version }: Owned) => version,
    };
    const plan = planClaim(request, listing, 0, this.#surroundings.random);
    for (const { key } of plan.stale) leases.delete(key);
    const subnets = plan.reuse?.subnets ?? plan.claim().subnets;
    const claimedAt = plan.reuse?.claimedAt ?? this.#cluster.nextClaim();
    const { content, identity } = request;
    const known = identity === undefined ? {} : { identity };
    const lease: Lease = { key: formatSubnetKey(subnets), subnets, claimedAt, ...content, ...known };
    leases.set(lease.key, {
      ...lease,
      isReservation: false,
      owner: this,
      version: this.#cluster.nextClaim(),
    });
    this.#cluster.announce();
    return { lease, expiresAtMs: null, takenFrom: plan.takenFrom };
  }

  async holdUntilLost({ lease: { key } }: HeldLease, signal: AbortSignal): Promise<string> {
    for await (const _ of this.#cluster.changes(signal)) {
      const owner = this.#cluster.leases.get(key)?.owner;
      if (owner !== this)
        return `${key} was ${owner === undefined ? "deleted" : "rewritten by another writer"}`;
    }
    throw new Error("changes ended by themselves");
  }

  snapshots(signal: AbortSignal): AsyncIterableIterator<LeaseSnapshot, never> {
    const read = () => ({ leases: [...this.#cluster.leases.values()].map(leaseOf), junk: [] });
    const changes = (ended: AbortSignal) => this.#cluster.changes(ended);
    return coalesced(changes, read, snapshotIntervalMs, this.#surroundings.clock, signal);
  }

  async list(signal: AbortSignal): Promise<readonly Lease[]> {
    await this.#cluster.answers(signal);
    const { configuration, leases, hidden } = this.#cluster;
    if (configuration === null) throw storeEmptied("there is no network configuration either");
    return [...leases.values(), ...hidden].map(leaseOf);
  }

  async previous(request: PreviousRequest, signal: AbortSignal): Promise<Lease | null> {
    await this.#cluster.answers(signal);
    const own = previousLease([...this.#cluster.leases.values()], request);
    return own === null ? null : leaseOf(own);
  }

  async configure(text: string): Promise<void> {
    this.#cluster.configuration = text;
    this.#cluster.announce();
  }

  async release(key: string): Promise<void> {
    if (!this.#cluster.leases.delete(key)) throw noSuchLease(key);
    this.#cluster.announce();
  }

  async close(): Promise<void> {}
}

function leaseOf({ key, subnets, claimedAt, publicIps, offers, identity }: Owned): Lease {
  return { key, subnets, claimedAt, publicIps, offers, ...(identity === undefined ? {} : { identity }) };
}
