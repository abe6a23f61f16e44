/** etcd in the simulated cluster: the server, its network, and the real store of each daemon on both. */

import type { EtcdOptions } from "../../../src/config/store-options.ts";
import { EtcdStore } from "../../../src/lease/etcd/store.ts";
import { ETCD_TIMING, type EtcdTiming } from "../../../src/lease/etcd/timing.ts";
import type { Lease } from "../../../src/lease/lease.ts";
import type { LeaseStore } from "../../../src/lease/store.ts";
import { ifReadable, readStoredLease } from "../../../src/lease/stored-lease.ts";
import type { Ipv4 } from "../../../src/net/index.ts";
import { Secret } from "../../../src/runtime/secret.ts";
import type { HostileWrite, SimulatedStore, StoreHost, StoreWorld } from "../store.ts";
import { EtcdNetwork } from "./etcd-network.ts";
import type { KeyHistory, KeyVersion } from "./key-history.ts";
import { type ClientHost, connectTo, type SimulatedClient } from "./simulated-client.ts";
import { SimulatedEtcd } from "./simulated-etcd.ts";
import { TLS_FILES } from "./tls-files.ts";

const PREFIX = "/coreos.com/network";
const CONFIG = `${PREFIX}/config`;
/** Keys of leases begin with it. */
export const SUBNETS = `${PREFIX}/subnets/`;
/** All keys below it. */
const SUBNETS_END = `${PREFIX}/subnets0`;
const USER = { username: "tweed", password: "simulated" };

export interface SimulatedEtcdOptions {
  readonly timing?: Partial<EtcdTiming>;
  /** flannel's default is an hour. */
  readonly renewMarginMs?: number;
}

export class SimulatedEtcdStore implements SimulatedStore {
  readonly kind = "etcd";
  readonly server: SimulatedEtcd;
  readonly network: EtcdNetwork;
  readonly #world: StoreWorld;
  readonly #timing: EtcdTiming;
  readonly #renewMarginMs: number;
  readonly #hosts = new Map<string, StoreHost>();
  readonly #authors = new Map<string, Set<string>>();
  /** The result of the last reading; the oracle asks far more often than anything changes. */
  #read: {
    readonly history: KeyHistory;
    readonly revision: number;
    readonly leases: readonly Lease[];
  } | null = null;
  readonly #parsedVersions = new WeakMap<KeyVersion, Lease | null>();

  constructor(world: StoreWorld, { timing = {}, renewMarginMs = 3_600_000 }: SimulatedEtcdOptions = {}) {
    this.#world = world;
    this.server = new SimulatedEtcd(world.time, world.random);
    this.network = new EtcdNetwork(world.time, world.random, this.server);
    this.#timing = { ...ETCD_TIMING, ...timing };
    this.#renewMarginMs = renewMarginMs;
    const permission = { first: `${PREFIX}/`, end: `${PREFIX}0` };
    this.server.data.auth.setUser(USER.username, { password: USER.password, permission });
  }

  async open(host: StoreHost): Promise<LeaseStore> {
    this.#hosts.set(host.name, host);
    const { clock, random, files, log } = host;
    const options = {
      kind: "etcd",
      ...this.#addressOf(host),
      prefix: PREFIX,
      credentials: { username: USER.username, password: new Secret(USER.password) },
      renewMarginMs: this.#renewMarginMs,
    } as const;
    const connect = (client: Parameters<typeof connectTo>[2]) => connectTo(this.network, host, client);
    return new EtcdStore(options, { clock, random, files, log, connect }, this.#timing);
  }

  /** Hosts name the server as operators do: by one address or several, in plain text, or by TLS with files or without. */
  #addressOf(host: StoreHost): Pick<EtcdOptions, "endpoints" | "tls"> {
    const number = Number(host.name.replace(/\D/g, ""));
    const noTls = { caFile: null, clientCertificate: null };
    const certificate = { certFile: TLS_FILES.certificate, keyFile: TLS_FILES.key };
    switch (number % 5) {
      case 0:
        return { endpoints: ["http://192.0.2.250:2379", "http://192.0.2.251:2379"], tls: noTls };
      case 1:
        return { endpoints: ["http://192.0.2.250:2379"], tls: noTls };
      case 2:
        return { endpoints: ["https://192.0.2.250:2379"], tls: noTls };
      case 3:
        return {
          endpoints: ["192.0.2.250:2379"],
          tls: { caFile: TLS_FILES.authority, clientCertificate: null },
        };
      default:
        return {
          endpoints: ["https://192.0.2.250:2379", "https://192.0.2.251:2379"],
          tls: { caFile: TLS_FILES.authority, clientCertificate: certificate },
        };
    }
  }

  /** A client beside the host's store, for models of other daemons. */
  connect(host: ClientHost): Promise<SimulatedClient> {
    const auth = { ...USER, onLogin: () => {} };
    return connectTo(this.network, host, { auth, timing: this.#timing });
  }

  leases(): readonly Lease[] {
    const { history } = this.server.data;
    const { revision } = history;
    if (this.#read?.history !== history || this.#read.revision !== revision) {
      const leases = history.range({ first: SUBNETS, end: SUBNETS_END }).flatMap((version) => {
        const lease = this.#parsed(version);
        return lease === null ? [] : [lease];
      });
      this.#read = { history, revision, leases };
    }
    return this.#read.leases;
  }

  #parsed(version: KeyVersion): Lease | null {
    const known = this.#parsedVersions.get(version);
    if (known !== undefined) return known;
    const lease = leaseOf(version);
    this.#parsedVersions.set(version, lease);
    return lease;
  }

  configure(text: string): void {
    this.#put(CONFIG, text);
  }

  setAway(isAway: boolean): void {
    this.network.setAway(isAway);
  }

  hang(isHanging: boolean): void {
    this.network.hang(isHanging);
  }

  /** etcd has lost the majority of its members: this one answers, and refuses. */
  setLeader(hasLeader: boolean): void {
    this.network.setLeader(hasLeader);
  }

  refuse(isRefusing: boolean): void {
    if (this.server.hasLeader === isRefusing) this.setLeader(!isRefusing);
  }

  partition(host: string, isCut: boolean): void {
    this.network.partition(host, isCut);
  }

  delayWatch(host: string, ms: number): void {
    this.network.delayWatch(host, ms);
  }

  silenceWatch(host: string, isSilent: boolean): void {
    this.network.silenceWatch(host, isSilent);
  }

  breakWatches(): void {
    this.network.breakWatches();
  }

  compact(): void {
    const { history } = this.server.data;
    if (history.revision > history.compacted) history.compact(history.revision);
    this.server.synchroniseWatches();
  }

  backup(): void {
    this.server.backup();
  }

  /** Half of the time with a new cluster id, as a snapshot is restored, otherwise from a copied data directory. */
  restore(): void {
    if (!this.server.hasBackup) return;
    this.network.restart(() => this.server.restore(this.#world.random.below(2) === 0));
  }

  /** Authentication is switched on or off, or tokens become invalid. */
  rotateCredentials(): void {
    const { auth } = this.server.data;
    const choice = this.#world.random.below(3);
    if (choice === 0) auth.setEnabled(!auth.isEnabled);
    else auth.invalidateAllTokens();
  }

  putRaw(author: string, { key, value }: HostileWrite): void {
    const path = textOfKey(SUBNETS + key);
    const written = this.#authors.get(author) ?? new Set();
    this.#authors.set(author, written.add(path));
    this.#put(path, value);
  }

  removeRaw(author: string): void {
    for (const path of this.#authors.get(author) ?? []) this.#delete(path);
    this.#authors.delete(author);
  }

  reserve(key: string, publicIp: Ipv4): void {
    this.#put(textOfKey(SUBNETS + key), `{"PublicIP":"${publicIp}"}`);
  }

  releaseLease(key: string): void {
    this.#delete(textOfKey(SUBNETS + key));
  }

  expireNow(host: string): void {
    for (const { key, identity } of this.leases())
      if (identity?.hostName === host) this.server.expireLeaseOf(textOfKey(SUBNETS + key));
  }

  heal(): void {
    this.setAway(false);
    this.hang(false);
    if (!this.server.hasLeader) this.setLeader(true);
    for (const host of this.#hosts.keys()) {
      this.network.resume(host);
      this.partition(host, false);
      this.delayWatch(host, 0);
      this.silenceWatch(host, false);
    }
  }

  /** Ends the timers of the server. */
  close(): void {
    this.server.stop();
  }

  #put(key: string, value: string): void {
    this.server.keys.put({ key: Buffer.from(key, "latin1"), value: Buffer.from(value) }, "unchecked");
  }

  #delete(key: string): void {
    this.server.keys.deleteRange({ key: Buffer.from(key, "latin1") }, "unchecked");
  }
}

/** null for what is no lease. */
function leaseOf({ key, value, createRevision }: KeyVersion): Lease | null {
  const name = Buffer.from(key, "latin1").toString().slice(SUBNETS.length);
  const read = () => readStoredLease(name, value, BigInt(createRevision));
  const stored = ifReadable(() => ({ ...read(), isReservation: false }));
  if (stored === null) return null;
  const { isReservation: _, ...lease } = stored;
  return lease;
}

function textOfKey(key: string): string {
  return Buffer.from(key).toString("latin1");
}
