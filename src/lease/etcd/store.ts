import { isDeepStrictEqual } from "node:util";
import type { EtcdOptions } from "../../config/store-options.ts";
import { TweedError } from "../../runtime/error.ts";
import { fitsNetwork } from "../allocate.ts";
import { type Listing, type PlannedClaim, planClaim, previousLease, warnOfBlockers } from "../claim-plan.ts";
import { coalesced, snapshotIntervalMs } from "../coalesce.ts";
import type { Lease, LeaseSnapshot } from "../lease.ts";
import { LeaseTable } from "../lease-table.ts";
import type { Taken } from "../own-leases.ts";
import type { HeldLease, LeaseRequest, LeaseStore, PreviousRequest, StoreSurroundings } from "../store.ts";
import type { StoreHealth } from "../store-health.ts";
import { noSuchLease, readStoredLease, storeEmptied } from "../stored-lease.ts";
import { Claimant, type EtcdStoredLease, type Written } from "./claimant.ts";
import type { ConnectToEtcd } from "./client.ts";
import { EtcdConnection } from "./connection.ts";
import { NO_LEASE } from "./etcd-lease.ts";
import { type FollowContext, follow, type RangeReader } from "./follow.ts";
import { type Holding, holdUntilLost, withAddresses } from "./holding.ts";
import { EtcdKeys, keysUnder, singleKey } from "./keys.ts";
import { list } from "./list.ts";
import { ETCD_TIMING, type EtcdTiming } from "./timing.ts";

/** Of nodes that race for the same subnets, one wins each round: so many losses in a row have another cause. */
const MAX_RACES = 64;
const MAX_RACES_WHEN_FULL = 8;

/** Leases in etcd (v3 API) under flannel's keys, shared with flannel nodes. */
export class EtcdStore implements LeaseStore {
  readonly name = "etcd";
  readonly subnets = "leased";
  readonly identifiesNodes = false;
  readonly health: StoreHealth;
  readonly #context: FollowContext;
  readonly #keys: EtcdKeys;
  readonly #claimant: Claimant;
  readonly #renewMarginMs: number;
  #holding: Holding | null = null;

  /** Does not connect yet. @throws TweedError `invalid-endpoint` */
  constructor(
    options: EtcdOptions,
    surroundings: StoreSurroundings & { readonly connect: ConnectToEtcd },
    timing: EtcdTiming = ETCD_TIMING,
  ) {
    const { clock, random, files, connect } = surroundings;
    const log = surroundings.log.child({ store: "etcd" });
    const connection = new EtcdConnection(options, timing, { files, clock, log, connect });
    this.health = connection.health;
    this.#context = { connection, timing, clock, random, log };
    this.#keys = new EtcdKeys(options.prefix);
    this.#claimant = new Claimant(connection, this.#keys, timing, clock, log);
    this.#renewMarginMs = options.renewMarginMs;
  }

  async *configurations(signal: AbortSignal): AsyncGenerator<string, void> {
    const reader = new ConfigReader();
    let known: string | null = null;
    let isMissedLogged = false;
    for await (const _ of follow(this.#context, singleKey(this.#keys.config), reader, signal)) {
      if (reader.text === null && !isMissedLogged) {
        isMissedLogged = true;
        this.#context.log.warn(
          { op: "read-configuration", key: this.#keys.config },
          'no network configuration, expected one such as {"Network": "10.244.0.0/16"} in this key',
        );
      }
      if (reader.text === null || reader.text === known) continue;
      isMissedLogged = false;
      known = reader.text;
      yield known;
    }
  }

  acquire(request: LeaseRequest, signal: AbortSignal): Promise<HeldLease> {
    const acquired = this.#acquire(request, signal);
    const writesDone = acquired.then(
      () => undefined,
      () => undefined,
    );
    if (this.#holding !== null) this.#holding.writesDone = writesDone;
    return acquired;
  }

  async holdUntilLost({ lease }: HeldLease, signal: AbortSignal): Promise<string> {
    const holding = this.#holding;
    if (holding?.written.lease.key !== lease.key)
      return `${lease.key} was replaced by another lease of this node`;
    const context = { ...this.#context, claimant: this.#claimant, renewMarginMs: this.#renewMarginMs };
    return holdUntilLost(context, holding, signal);
  }

  snapshots(signal: AbortSignal): AsyncIterableIterator<LeaseSnapshot, never> {
    const table = new LeaseTable(this.#context.log);
    const reader = new TableReader(table);
    const changes = (ended: AbortSignal) =>
      follow(this.#context, keysUnder(this.#keys.subnets), reader, ended);
    return coalesced(changes, () => table.snapshot(), snapshotIntervalMs, this.#context.clock, signal);
  }

  async list(signal: AbortSignal): Promise<readonly Lease[]> {
    const { leases } = await this.#claimant.list(signal);
    const { config } = this.#keys;
    let isConfigured = false;
    const found = () => {
      isConfigured = true;
    };
    await list(this.#context.connection, singleKey(config), found, signal);
    if (!isConfigured) throw storeEmptied(`the network configuration ${config} is missing as well`);
    return leases;
  }

  async previous(request: PreviousRequest, signal: AbortSignal): Promise<Lease | null> {
    const { leases } = await this.#claimant.list(signal);
    return previousLease(leases, request);
  }

  async configure(text: string, signal: AbortSignal): Promise<void> {
    const put = { key: Buffer.from(this.#keys.config), value: Buffer.from(text) };
    await this.#context.connection.read(`write ${this.#keys.config}`, signal, (client) => client.kv.put(put));
  }

  async release(key: string, signal: AbortSignal): Promise<void> {
    const request = { key: this.#keys.lease(key) };
    const { deleted } = await this.#context.connection.write(`release lease ${key}`, signal, (client) =>
      client.kv.deleteRange(request),
    );
    if (deleted === "0") throw noSuchLease(key);
  }

  async close(): Promise<void> {
    this.#context.connection.close();
  }

  async #acquire(request: LeaseRequest, signal: AbortSignal): Promise<HeldLease> {
    const { clock, random, log } = this.#context;
    const held = this.#heldFor(request);
    const published = held === null ? null : await this.#claimant.publish(held, request, signal);
    if (published !== null) return this.#hold({ written: published, takenFrom: null });
    for (let races = 0; races < MAX_RACES; races++) {
      const listing = await this.#claimant.list(signal);
      const claimed = await this.#tryClaim(request, listing, races, signal);
      if (claimed !== null) return this.#hold(claimed);
      log.info({ op: "acquire-lease", attempt: races + 1 }, "subnet claimed by another node, trying another");
      await clock.sleep(random.below(20 * Math.min(races + 1, 10)), signal);
    }
    throw new TweedError({
      code: "lease-contended",
      operation: "acquire lease",
      reason: `${MAX_RACES} claims in a row were lost to other nodes`,
      retryable: true,
    });
  }

  /**
   * The lease that this node holds, as it wrote it last, where nothing else can be its choice: when the backend of
   * thousands of nodes changes, each would otherwise list all leases to publish on its own. null where it has to.
   */
  #heldFor({ config, held, content }: LeaseRequest): EtcdStoredLease | null {
    if (held === null || this.#holding?.written.lease.key !== held.key) return null;
    const { lease, modRevision, granted } = this.#holding.written;
    if (!fitsNetwork(config, lease.subnets) || !isDeepStrictEqual(content.publicIps, lease.publicIps))
      return null;
    return { ...lease, modRevision, leaseId: granted?.id ?? NO_LEASE, isReservation: granted === null };
  }

  /** null when another node won the race. */
  async #tryClaim(
    request: LeaseRequest,
    listing: Listing<EtcdStoredLease>,
    lostRaces: number,
    signal: AbortSignal,
  ): Promise<Claimed | null> {
    const plan = planClaim(request, listing, lostRaces, this.#context.random);
    for (const stale of plan.stale) await this.#claimant.remove(stale, signal);
    const { takenFrom } = plan;
    if (plan.reuse !== null) {
      const written = await this.#claimant.publish(plan.reuse, request, signal);
      return written === null ? null : { written, takenFrom };
    }
    let claim: PlannedClaim;
    try {
      claim = plan.claim();
    } catch (error) {
      // In a race for the last subnets, a loser may hold one for a moment before it releases it.
      const isFull = error instanceof TweedError && error.code === "out-of-subnets";
      if (isFull && lostRaces > 0 && lostRaces < MAX_RACES_WHEN_FULL) return null;
      throw error;
    }
    warnOfBlockers(this.#context.log, claim);
    const written = await this.#claimant.create(claim.subnets, request, signal);
    return written === null ? null : { written, takenFrom };
  }

  #hold({ written, takenFrom }: Claimed): HeldLease {
    const { lease, granted } = written;
    const etcdKey = this.#keys.lease(lease.key).toString();
    if (this.#holding?.etcdKey === etcdKey) this.#holding.written = written;
    else this.#holding = { etcdKey, written, addresses: [], writesDone: Promise.resolve() };
    this.#holding.addresses = withAddresses(this.#holding.addresses, lease.publicIps);
    return { lease, expiresAtMs: granted?.expiresAtMs ?? null, takenFrom };
  }
}

interface Claimed {
  readonly written: Written;
  readonly takenFrom: Taken | null;
}

class ConfigReader implements RangeReader {
  text: string | null = null;

  beginList(): void {
    this.text = null;
  }
  endList(): void {}
  put({ value }: { readonly value: Buffer }): void {
    this.text = value.toString();
  }
  delete(): void {
    this.text = null;
  }
  has(): boolean {
    return this.text !== null;
  }
  get size(): number {
    return Number(this.has());
  }
}

class TableReader implements RangeReader {
  readonly #table: LeaseTable;
  /** The keys of the present listing so far; null outside of one. */
  #listed: Set<string> | null = null;

  constructor(table: LeaseTable) {
    this.#table = table;
  }

  beginList(): void {
    this.#listed = new Set();
  }
  endList(): void {
    if (this.#listed !== null) this.#table.retain(this.#listed);
    this.#listed = null;
  }
  put(entry: { readonly key: string; readonly value: Buffer; readonly createRevision: bigint }): void {
    this.#listed?.add(entry.key);
    this.#table.put(entry.key, () => readStoredLease(entry.key, entry.value, entry.createRevision));
  }
  delete(key: string): void {
    this.#table.delete(key);
  }
  has(key: string): boolean {
    return this.#table.has(key);
  }
  get size(): number {
    return this.#table.size;
  }
}
