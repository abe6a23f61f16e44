/** An etcd of one member, in this process and on simulated time. It answers at once; {@link EtcdNetwork} delays. */
import type {
  ICompactionRequest,
  IDeleteRangeRequest,
  ILeaseGrantRequest,
  ILeaseGrantResponse,
  ILeaseKeepAliveResponse,
  ILeaseRevokeRequest,
  ILeaseRevokeResponse,
  ILeaseTimeToLiveRequest,
  ILeaseTimeToLiveResponse,
  IPutRequest,
  IRangeRequest,
  IResponseHeader,
  ITxnRequest,
  IWatchResponse,
} from "etcd3";
import type { Random } from "../../../src/runtime/random.ts";
import type { SimulatedTime } from "../../support/simulated-time.ts";
import { AuthStore, type Caller } from "./auth-store.ts";
import { KeyHistory, type KeyVersion } from "./key-history.ts";
import { type EtcdData, KeyService } from "./key-service.ts";
import { bytesOf } from "./key-span.ts";
import { LeaseSet } from "./lease-set.ts";
import { messageBytes } from "./message-size.ts";
import { ETCD_ERRORS } from "./rpc-error.ts";
import { type ServerWatchStream, WatchHub } from "./watch-hub.ts";

/** As with etcd's default heartbeats and elections. */
const MIN_LEASE_TTL_SECONDS = 2;
const ELECTION_MS = 1_000;
/** etcd looks for watches that have to catch up this often. */
const SYNC_MS = 100;
const PROGRESS_MS = 600_000;
const MAX_REQUEST_BYTES = 1.5 * 1024 * 1024;
const MAX_LEASE_ID = 2 ** 31;

export interface EtcdRequests {
  range: IRangeRequest;
  put: IPutRequest;
  deleteRange: IDeleteRangeRequest;
  txn: ITxnRequest;
  compact: ICompactionRequest;
  leaseGrant: ILeaseGrantRequest;
  leaseRevoke: ILeaseRevokeRequest;
  leaseTimeToLive: ILeaseTimeToLiveRequest;
}

export class SimulatedEtcd {
  readonly #time: SimulatedTime;
  readonly #random: Random;
  readonly #hub: WatchHub;
  #data: EtcdData;
  #keys: KeyService;
  #backup: EtcdData | null = null;
  #clusterId = "14841639068965178418";
  #raftTerm = 2;
  #hasLeader = true;
  #isDown = false;
  /** For the oracle: sees every transaction before anybody else. */
  onChanges: (changes: readonly KeyVersion[]) => void = () => {};
  #wakeForExpiry = { atMs: Number.POSITIVE_INFINITY, cancel: () => {} };
  #cancelSync: (() => void) | null = null;

  constructor(time: SimulatedTime, random: Random, minLeaseTtlSeconds = MIN_LEASE_TTL_SECONDS) {
    this.#time = time;
    this.#random = random;
    this.#hub = new WatchHub({
      history: () => this.#data.history,
      header: (revision) => this.#header(revision),
      synchroniseSoon: () => this.#synchroniseSoon(),
      onProgressDue: (notify) => this.#everyProgress(notify),
    });
    this.#data = {
      history: new KeyHistory(),
      leases: new LeaseSet(minLeaseTtlSeconds),
      auth: new AuthStore(),
    };
    this.#keys = this.#service();
  }

  /** For the oracle, and for writes of others than the daemons. */
  get data(): EtcdData {
    return this.#data;
  }

  get keys(): KeyService {
    return this.#keys;
  }

  get watchers(): number {
    return this.#hub.size;
  }

  /** @returns the answer; @throws RpcError */
  request<M extends keyof EtcdRequests>(method: M, request: EtcdRequests[M], token: string | null): unknown {
    const caller = this.#callerOf(token);
    if (messageBytes(request) > MAX_REQUEST_BYTES) throw ETCD_ERRORS.requestTooLarge();
    const answer = this.#execute(method, request, caller);
    this.#watchForExpiry();
    return answer;
  }

  /** @returns a token; @throws RpcError */
  logIn(name: string, password: string): string {
    if (!this.#hasLeader) throw ETCD_ERRORS.noLeader();
    return this.#data.auth.logIn(name, password, this.#time.nowMs);
  }

  keepAlive(id: string): ILeaseKeepAliveResponse {
    if (!this.#hasLeader) throw ETCD_ERRORS.noLeader();
    const { leases } = this.#data;
    // etcd answers for an expired lease once it has deleted the keys (lessor.Renew).
    if (leases.isExpired(id, this.#time.nowMs)) this.#keys.revoke(id, "unchecked");
    const ttl = leases.keepAlive(id, this.#time.nowMs);
    return { header: this.#header(), ID: id, TTL: String(ttl) };
  }

  watch(send: (response: IWatchResponse) => void, token: string | null): ServerWatchStream {
    return this.#hub.open(send, (span) => this.#data.auth.check(this.#callerOf(token), span));
  }

  /** Without a leader every request and watch that requires one fails. */
  setLeader(hasLeader: boolean): void {
    this.#hasLeader = hasLeader;
    if (hasLeader) this.#becomeLeader();
  }

  get hasLeader(): boolean {
    return this.#hasLeader;
  }

  /** The process ends; what it has in memory is gone. */
  stop(): void {
    this.#isDown = true;
    this.#hub.clear();
    this.#data.auth.invalidateAllTokens();
    this.#wakeForExpiry.cancel();
    this.#wakeForExpiry = { atMs: Number.POSITIVE_INFINITY, cancel: () => {} };
    this.#cancelSync?.();
    this.#cancelSync = null;
  }

  start(): void {
    this.#isDown = false;
    this.#becomeLeader();
  }

  backup(): void {
    this.#backup = copyOf(this.#data);
  }

  /**
   * Takes the data of the last backup; the process must have stopped.
   * @param isNewCluster as `etcdctl snapshot restore` makes one, unlike a copied data directory
   * @returns false without a backup
   */
  restore(isNewCluster: boolean): boolean {
    if (this.#backup === null) return false;
    this.#data = copyOf(this.#backup);
    this.#keys = this.#service();
    if (isNewCluster) {
      this.#clusterId = String(1_000_000_007 + this.#random.below(2 ** 32));
      this.#raftTerm = 1;
    }
    return true;
  }

  get hasBackup(): boolean {
    return this.#backup !== null;
  }

  /** As etcd does within a tenth of a second by itself. */
  synchroniseWatches(): void {
    this.#hub.synchronise();
  }

  /** The lease of this key runs out. */
  expireLeaseOf(key: string): void {
    const [found] = this.#data.history.range({ first: key, end: null });
    if (found === undefined) return;
    this.#data.leases.expire(found.leaseId, this.#time.nowMs);
    this.#watchForExpiry();
  }

  #service(): KeyService {
    const notify = (changes: readonly KeyVersion[]) => {
      this.onChanges(changes);
      this.#hub.notify(changes);
    };
    return new KeyService(this.#data, (revision) => this.#header(revision), notify);
  }

  #header(revision = this.#data.history.revision): IResponseHeader {
    return {
      cluster_id: this.#clusterId,
      member_id: "10276657743932975437",
      revision: String(revision),
      raft_term: String(this.#raftTerm),
    };
  }

  #callerOf(token: string | null): Caller {
    if (!this.#hasLeader) throw ETCD_ERRORS.noLeader();
    return this.#data.auth.callerOf(token, this.#time.nowMs);
  }

  #execute(method: keyof EtcdRequests, request: EtcdRequests[keyof EtcdRequests], caller: Caller): unknown {
    switch (method) {
      case "range":
        return this.#keys.range(request as IRangeRequest, caller);
      case "put":
        return this.#keys.put(request as IPutRequest, caller);
      case "deleteRange":
        return this.#keys.deleteRange(request as IDeleteRangeRequest, caller);
      case "txn":
        return this.#keys.txn(request as ITxnRequest, caller);
      case "compact":
        return this.#keys.compact(request as ICompactionRequest);
      case "leaseGrant":
        return this.#grant(request as ILeaseGrantRequest);
      case "leaseRevoke":
        return this.#revoke(request as ILeaseRevokeRequest, caller);
      case "leaseTimeToLive":
        return this.#timeToLive(request as ILeaseTimeToLiveRequest);
    }
  }

  #grant({ ID = "0", TTL = 0 }: ILeaseGrantRequest): ILeaseGrantResponse {
    const id = String(ID) === "0" ? String(1 + this.#random.below(MAX_LEASE_ID)) : String(ID);
    const ttl = this.#data.leases.grant(id, Number(TTL), this.#time.nowMs);
    return { header: this.#header(), ID: id, TTL: String(ttl), error: "" };
  }

  #revoke({ ID = "0" }: ILeaseRevokeRequest, caller: Caller): ILeaseRevokeResponse {
    this.#keys.revoke(String(ID), caller);
    return { header: this.#header() };
  }

  #timeToLive({ ID = "0", keys = false }: ILeaseTimeToLiveRequest): ILeaseTimeToLiveResponse {
    const id = String(ID);
    const found = this.#data.leases.timeToLive(id, this.#time.nowMs);
    const header = this.#header();
    if (found === null) return { header, ID: id, TTL: "-1", grantedTTL: "0", keys: [] };
    const attached = keys ? this.#data.leases.keysOf(id).map(bytesOf) : [];
    return {
      header,
      ID: id,
      TTL: String(found.remaining),
      grantedTTL: String(found.granted),
      keys: attached,
    };
  }

  #becomeLeader(): void {
    this.#raftTerm += 1;
    this.#data.leases.promote(ELECTION_MS, this.#time.nowMs);
    this.#watchForExpiry();
  }

  #watchForExpiry(): void {
    const next = this.#data.leases.nextExpiryMs();
    if (next === null || this.#isDown || next >= this.#wakeForExpiry.atMs) return;
    this.#wakeForExpiry.cancel();
    const cancel = this.#time.wakeAt(next, () => {
      this.#wakeForExpiry = { atMs: Number.POSITIVE_INFINITY, cancel: () => {} };
      // Only a leader ends leases, and a new one begins them again.
      if (!this.#hasLeader) return;
      for (const id of this.#data.leases.expired(this.#time.nowMs)) this.#keys.revoke(id, "unchecked");
      this.#watchForExpiry();
    });
    this.#wakeForExpiry = { atMs: next, cancel };
  }

  #synchroniseSoon(): void {
    if (this.#cancelSync !== null) return;
    const dueMs = (Math.floor(this.#time.nowMs / SYNC_MS) + 1) * SYNC_MS;
    this.#cancelSync = this.#time.wakeAt(dueMs, () => {
      this.#cancelSync = null;
      this.#hub.synchronise();
    });
  }

  #everyProgress(notify: () => void): () => void {
    let cancel = () => {};
    const again = () => {
      cancel = this.#time.wakeAt(this.#time.nowMs + PROGRESS_MS, () => {
        notify();
        again();
      });
    };
    again();
    return () => cancel();
  }
}

function copyOf({ history, leases, auth }: EtcdData): EtcdData {
  return { history: history.copy(), leases: leases.copy(), auth: auth.copy() };
}
