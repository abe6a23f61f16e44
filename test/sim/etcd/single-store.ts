/** One real store on the simulated etcd, which the test changes as others would. */
import { setMaxListeners } from "node:events";
import type { EtcdTiming } from "../../../src/lease/etcd/timing.ts";
import type { HeldLease, LeaseStore } from "../../../src/lease/store.ts";
import { parseIpv4 } from "../../../src/net/index.ts";
import { nodeIp } from "../../support/lease-fixtures.ts";
import { MaintainedLease } from "../../support/maintained-lease.ts";
import { MemoryFiles } from "../../support/memory-files.ts";
import { RecordingLog } from "../../support/recording-log.ts";
import { seededRandom } from "../../support/seeded-random.ts";
import { NodeClock, SimulatedTime } from "../../support/simulated-time.ts";
import { Life } from "../life.ts";
import { SimulatedEtcdStore } from "./simulated-etcd-store.ts";

export const SUBNETS = "/coreos.com/network/subnets/";
export const CONFIG_KEY = "/coreos.com/network/config";
const RENEW_MARGIN_MS = 60_000;

export class SingleEtcdStore {
  readonly time = new SimulatedTime();
  readonly clock = new NodeClock(this.time);
  readonly log = new RecordingLog();
  readonly etcd: SimulatedEtcdStore;
  /** The requests so far: the methods of etcd's API. */
  readonly requests: string[] = [];
  /** Called before etcd executes a request. */
  beforeRequest: (method: string, request: unknown) => void = () => {};
  readonly #stop = new AbortController();
  #store: LeaseStore | null = null;

  constructor(timing: Partial<EtcdTiming> = { leaseTtlSeconds: 120 }) {
    this.etcd = new SimulatedEtcdStore(
      { time: this.time, random: seededRandom(1) },
      { timing, renewMarginMs: RENEW_MARGIN_MS },
    );
    setMaxListeners(0, this.signal);
    const { server } = this.etcd;
    server.data.auth.setEnabled(true);
    this.etcd.configure('{"Network":"10.5.0.0/16"}');
    const request = server.request.bind(server);
    server.request = (method, ...rest) => {
      this.requests.push(method);
      this.beforeRequest(method, rest[0]);
      return request(method, ...rest);
    };
  }

  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  get store(): LeaseStore {
    if (this.#store === null) throw new Error("the store is not open");
    return this.#store;
  }

  async begin(): Promise<void> {
    this.#store = await this.open(1, this.log);
  }

  open(index: number, log = new RecordingLog()): Promise<LeaseStore> {
    const files = new MemoryFiles();
    const host = { name: hostOf(index), ip: parseIpv4(nodeIp(index)), life: new Life(), files };
    return this.etcd.open({ ...host, clock: this.clock, random: seededRandom(index), log });
  }

  hold(held: HeldLease): MaintainedLease {
    return new MaintainedLease(this.store, held, this.signal);
  }

  put(key: string, value: string): void {
    this.putBytes(Buffer.from(SUBNETS + key), value);
  }

  putBytes(key: Buffer, value: string): void {
    this.#keys.put({ key, value: Buffer.from(value) }, "unchecked");
  }

  delete(key: string): void {
    this.#keys.deleteRange({ key: Buffer.from(key) }, "unchecked");
  }

  entries() {
    return this.etcd.server.data.history.range({ first: SUBNETS, end: "/coreos.com/network/subnets0" });
  }

  /** The keys of leases. */
  keys(): readonly string[] {
    return this.entries().map(({ key }) => key.slice(SUBNETS.length));
  }

  get revision(): number {
    return this.etcd.server.data.history.revision;
  }

  async close(): Promise<void> {
    this.#stop.abort(new Error("the test is over"));
    await this.#store?.close();
    this.etcd.close();
  }

  get #keys() {
    return this.etcd.server.keys;
  }
}

/** By one address in plain text: see SimulatedEtcdStore. */
export function hostOf(index: number): string {
  return `node${index * 5 + 1}`;
}
