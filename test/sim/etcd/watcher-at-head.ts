/**
 * A model of what flannel once did: leases are listed once, and then followed by a watch. After a failure the watch goes
 * on where it ended or, where etcd has compacted that, with what comes next: what was between is never read.
 */
import type { IWatchResponse } from "etcd3";
import { readEntry } from "../../../src/lease/etcd/entry.ts";
import { keysUnder, rangeFields } from "../../../src/lease/etcd/keys.ts";
import type { LeaseSnapshot } from "../../../src/lease/lease.ts";
import { LeaseTable } from "../../../src/lease/lease-table.ts";
import { readStoredLease } from "../../../src/lease/stored-lease.ts";
import { Latest } from "../../../src/runtime/latest.ts";
import type { StoreHost } from "../store.ts";
import type { SimulatedClient } from "./simulated-client.ts";
import { type SimulatedEtcdStore, SUBNETS } from "./simulated-etcd-store.ts";

const RETRY_MS = 1_000;
const LEASES = keysUnder(SUBNETS);

export class WatcherAtHead {
  readonly #etcd: SimulatedEtcdStore;
  readonly #host: StoreHost;
  readonly #table: LeaseTable;
  readonly #newest = new Latest<LeaseSnapshot>();
  /** The first revision that it has not received; null before the list, 0 for the head. */
  #next: bigint | null = null;

  constructor(etcd: SimulatedEtcdStore, host: StoreHost) {
    this.#etcd = etcd;
    this.#host = host;
    this.#table = new LeaseTable(host.log);
  }

  async *snapshots(signal: AbortSignal): AsyncGenerator<LeaseSnapshot, void> {
    // Ends with the signal, which also ends the loop below.
    void this.#run(signal).catch(() => {});
    for (;;) yield await this.#newest.take(signal);
  }

  async #run(signal: AbortSignal): Promise<never> {
    for (;;) {
      await this.#follow().catch(() => {});
      await this.#host.clock.sleep(RETRY_MS, signal);
    }
  }

  async #follow(): Promise<never> {
    const client = await this.#etcd.connect(this.#host);
    this.#next ??= await this.#list(client);
    const stream = await client.watchClient.watch();
    return new Promise<never>((_, reject) => {
      stream
        .on("data", (response) => {
          if (this.#take(response)) return;
          stream.cancel();
          reject(new Error("the watch was cancelled"));
        })
        .on("error", reject);
      stream.write({ create_request: { ...rangeFields(LEASES), start_revision: String(this.#next) } });
    });
  }

  async #list(client: SimulatedClient): Promise<bigint> {
    const { kvs, header } = await client.kv.range(rangeFields(LEASES));
    for (const keyValue of kvs) this.#put(keyValue);
    this.#newest.put(this.#table.snapshot());
    return BigInt(header.revision) + 1n;
  }

  /** @returns false when the watch has ended */
  #take({ canceled, compact_revision, events, header }: IWatchResponse): boolean {
    if (canceled) {
      if (BigInt(compact_revision) > 0n) this.#next = 0n;
      return false;
    }
    for (const { type, kv } of events) {
      if (type === "Delete") this.#table.delete(readEntry(kv, SUBNETS).key);
      else this.#put(kv);
    }
    this.#next = BigInt(header.revision) + 1n;
    if (events.length > 0) this.#newest.put(this.#table.snapshot());
    return true;
  }

  #put(keyValue: Parameters<typeof readEntry>[0]): void {
    const { key, value, createRevision } = readEntry(keyValue, SUBNETS);
    this.#table.put(key, () => readStoredLease(key, value, createRevision));
  }
}
