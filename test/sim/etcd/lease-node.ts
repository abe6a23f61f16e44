/** A node without an agent: its lease, held as the agent holds it, and the snapshots that it reads. */
import { OwnLease } from "../../../src/agent/own-lease.ts";
import type { ReadyCondition } from "../../../src/agent/reports/node-readiness.ts";
import { Readiness } from "../../../src/agent/reports/readiness.ts";
import type { NetworkConfig } from "../../../src/config/network-config.ts";
import type { HostIdentity } from "../../../src/lease/host-identity.ts";
import type { Lease, LeaseSnapshot } from "../../../src/lease/lease.ts";
import type { LeaseStore } from "../../../src/lease/store.ts";
import { type DualPrefix, parseIpv4 } from "../../../src/net/index.ts";
import type { Random } from "../../../src/runtime/random.ts";
import { content, NO_SUBNETS, VXLAN } from "../../support/lease-fixtures.ts";
import { MemoryFiles } from "../../support/memory-files.ts";
import { RecordingLog } from "../../support/recording-log.ts";
import { Life } from "../life.ts";
import { HostClock } from "./host-clock.ts";
import type { SimulatedEtcdStore } from "./simulated-etcd-store.ts";
import { TLS_TEXTS } from "./tls-files.ts";

export interface NodeObserver {
  /** The store has reported the loss of this node's lease. */
  onLost(node: LeaseNode, lease: Lease, reason: string): void;
  /** Code of the node has thrown what nobody handles. */
  onFailure(node: LeaseNode, error: unknown): void;
}

export class LeaseNode {
  readonly name: string;
  readonly log = new RecordingLog();
  ip: string;
  identity: HostIdentity;
  /** What it believes. */
  held: Lease | null = null;
  snapshot: LeaseSnapshot | null = null;
  readonly #etcd: SimulatedEtcdStore;
  readonly #random: Random;
  readonly #config: NetworkConfig;
  readonly #observer: NodeObserver;
  #life: Life | null = null;
  #own: OwnLease | null = null;
  #store: LeaseStore | null = null;
  #previousSubnets: DualPrefix = NO_SUBNETS;
  #offered = 0;

  constructor(
    name: string,
    ip: string,
    identity: HostIdentity,
    parts: {
      readonly etcd: SimulatedEtcdStore;
      readonly random: Random;
      readonly config: NetworkConfig;
      readonly observer: NodeObserver;
    },
  ) {
    this.name = name;
    this.ip = ip;
    this.identity = identity;
    this.#etcd = parts.etcd;
    this.#random = parts.random;
    this.#config = parts.config;
    this.#observer = parts.observer;
  }

  get isRunning(): boolean {
    return this.#life !== null;
  }

  get outage(): string | null {
    return this.#store?.health.outage?.reason ?? null;
  }

  async start(): Promise<void> {
    const life = new Life();
    this.#life = life;
    const clock = new HostClock(this.#etcd.network, this.name, life);
    const { log } = this;
    const random = this.#random;
    const files = new MemoryFiles();
    for (const [path, text] of Object.entries(TLS_TEXTS)) files.put(path, text);
    const host = { name: this.name, ip: parseIpv4(this.ip), clock, random, files, log, life };
    const store = await this.#etcd.open(host);
    this.#observe(store, life);
    this.#store = store;
    const readiness = new Readiness<ReadyCondition>({});
    const parts = { store, files, clock, random, log, backends: [], readiness, identity: this.identity };
    this.#own = new OwnLease(
      parts,
      this.#previousSubnets,
      () => this.#config,
      (event) => {
        this.held = event.kind === "lease published" ? event.lease : null;
        if (event.kind === "lease published") this.#previousSubnets = event.lease.subnets;
      },
    );
    this.publish();
    const never = new AbortController().signal;
    const fail = life.guarded((error: unknown) => this.#observer.onFailure(this, error));
    this.#own.run(never).catch(fail);
    this.#read(store, never).catch(fail);
  }

  /** At any moment; what it had sent still arrives. */
  kill(): void {
    this.#life?.end();
    this.#life = null;
    this.#own = null;
    this.#store = null;
    this.held = null;
    this.snapshot = null;
    this.#etcd.network.resume(this.name);
  }

  /** Publishes other content, under the present address. */
  publish(): void {
    const type = `vxlan${this.#offered++ % 3}`;
    this.#own?.publish({ content: content(this.ip, null, { ...VXLAN, type }), backends: [] });
  }

  async #read(store: LeaseStore, signal: AbortSignal): Promise<void> {
    for await (const snapshot of store.snapshots(signal)) this.snapshot = snapshot;
  }

  #observe(store: LeaseStore, life: Life): void {
    const hold = store.holdUntilLost.bind(store);
    store.holdUntilLost = async (held, signal) => {
      const reason = await hold(held, signal);
      if (!life.isOver) this.#observer.onLost(this, held.lease, reason);
      return reason;
    };
  }
}
