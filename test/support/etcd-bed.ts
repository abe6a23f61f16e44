/** A real etcd with the stores of many daemons on it, all removed at the end of the test. */
import type { Etcd3 } from "etcd3";
import type { EtcdOptions } from "../../src/config/store-options.ts";
import { TcpProxy } from "../../src/lab/tcp-proxy.ts";
import { createClient } from "../../src/lease/etcd/client.ts";
import { EtcdStore } from "../../src/lease/etcd/store.ts";
import { ETCD_TIMING, type EtcdTiming } from "../../src/lease/etcd/timing.ts";
import { type Clock, systemClock } from "../../src/runtime/clock.ts";
import { nodeFiles } from "../../src/runtime/node-files.ts";
import { systemRandom } from "../../src/runtime/random.ts";
import { EtcdServer, type EtcdTls } from "./etcd-server.ts";
import { DEADLINE_MS } from "./eventually.ts";
import { withRealDeadlines } from "./real-deadlines.ts";
import { RecordingLog } from "./recording-log.ts";
import { SnapshotReader } from "./snapshot-reader.ts";

export const PREFIX = "/coreos.com/network";
export const SUBNETS = `${PREFIX}/subnets/`;

export class EtcdBed {
  readonly server: EtcdServer;
  readonly client: Etcd3;
  readonly log = new RecordingLog();
  #cleanups: (() => Promise<void> | void)[] = [];

  private constructor(server: EtcdServer) {
    this.server = server;
    this.client = server.client();
  }

  static async start(tls: EtcdTls | null = null): Promise<EtcdBed> {
    return new EtcdBed(await EtcdServer.start(tls));
  }

  options(changes: Partial<EtcdOptions> = {}): EtcdOptions {
    return {
      kind: "etcd",
      endpoints: [this.server.endpoint],
      prefix: PREFIX,
      tls: { caFile: null, clientCertificate: null },
      credentials: null,
      renewMarginMs: 3_600_000,
      ...changes,
    };
  }

  store(
    changes: Partial<EtcdOptions> = {},
    timing: Partial<EtcdTiming> = {},
    clock: Clock = systemClock,
  ): EtcdStore {
    const timings = { ...SLOW_MACHINE, ...timing };
    const surroundings = {
      clock: withRealDeadlines(
        clock,
        timings.requestTimeoutMs,
        (ms) => ms >= timings.silenceCheckMs / 2 && ms < timings.silenceCheckMs * 1.5,
      ),
      random: systemRandom,
      files: nodeFiles,
      log: this.log,
      connect: createClient,
    };
    const store = new EtcdStore(this.options(changes), surroundings, timings);
    this.#cleanups.push(() => store.close());
    return store;
  }

  reader(store: EtcdStore): SnapshotReader {
    const reader = new SnapshotReader(store);
    this.#cleanups.push(() => reader.stop());
    return reader;
  }

  async proxy(): Promise<TcpProxy> {
    const proxy = await TcpProxy.to(this.server.port);
    this.#cleanups.push(() => proxy.close());
    return proxy;
  }

  async put(key: string, value: string): Promise<void> {
    await this.client.put(SUBNETS + key).value(value);
  }

  /** The value and etcd lease of a lease's key, or null. */
  async get(key: string): Promise<{ readonly value: string; readonly leaseId: string } | null> {
    const { kvs } = await this.client.kv.range({ key: Buffer.from(SUBNETS + key) });
    const [found] = kvs;
    return found === undefined ? null : { value: found.value.toString(), leaseId: found.lease };
  }

  async keys(): Promise<readonly string[]> {
    const keys = await this.client.getAll().prefix(SUBNETS).keys();
    return keys.map((key) => key.slice(SUBNETS.length)).sort();
  }

  /** The number of requests of this method that etcd has received so far. */
  requests(method: "Range" | "Txn"): Promise<number> {
    return this.#metric(`grpc_server_started_total\\{grpc_method="${method}".*\\}`);
  }

  /** The number of current watches. */
  watchers(): Promise<number> {
    return this.#metric("etcd_debugging_mvcc_watcher_total");
  }

  /** How many times an etcd lease has been renewed so far. */
  renewals(): Promise<number> {
    return this.#metric("etcd_debugging_lease_renewed_total");
  }

  /** Ends every store, reader and proxy, and clears the log and the stored keys. */
  async clear(): Promise<void> {
    const cleanups = this.#cleanups.reverse();
    this.#cleanups = [];
    for (const cleanup of cleanups) await cleanup();
    this.log.lines.length = 0;
    await this.client.delete().prefix(PREFIX);
  }

  async teardown(): Promise<void> {
    try {
      await this.clear();
    } finally {
      this.client.close();
      await this.server.stop();
    }
  }

  async #metric(pattern: string): Promise<number> {
    const metrics = await (await fetch(`${this.server.endpoint}/metrics`)).text();
    return Number(new RegExp(`^${pattern} (\\S+)$`, "m").exec(metrics)?.[1] ?? 0);
  }
}

/** A slow machine takes long to answer; the cost of an unanswered request is tested with a timeout of its own. */
const SLOW_MACHINE: EtcdTiming = { ...ETCD_TIMING, requestTimeoutMs: DEADLINE_MS };
