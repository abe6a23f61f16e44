import { Etcd3 } from "etcd3";
import { startEtcd } from "../../src/lab/etcd-process.ts";
import { stopProcess } from "../../src/lab/process.ts";
import { identityFields } from "../../src/lease/host-identity.ts";
import { encodeLeaseValue } from "../../src/lease/lease-value.ts";
import type { JsonObject } from "../../src/runtime/json.ts";
import { NETWORK_CONFIG } from "../control/peers.ts";
import { siteSpec } from "../control/site.ts";
import type { ScaleStore } from "./scale-store.ts";
import { leaseOf, type SyntheticNode } from "./synthetic-nodes.ts";

const PREFIX = "/coreos.com/network";
const URL = "http://127.0.0.1:2379";
const STOP_WITHIN_MS = 10_000;

/** A real etcd in the switch's namespace. */
export class EtcdScaleStore implements ScaleStore {
  #pid: number;
  #client = new Etcd3({ hosts: [URL] });
  /** Of the servers before the present one. */
  #formerRequests = 0;

  private constructor(pid: number) {
    this.#pid = pid;
  }

  static async open(): Promise<EtcdScaleStore> {
    return new EtcdScaleStore(await startEtcd(siteSpec("etcd", 1)));
  }

  async configure(backend: JsonObject): Promise<void> {
    const config = JSON.stringify({ ...NETWORK_CONFIG, Backend: backend });
    await this.#client.put(`${PREFIX}/config`).value(config);
  }

  async put(node: SyntheticNode): Promise<void> {
    const lease = leaseOf(node);
    await this.#client.put(keyOf(node)).value(encodeLeaseValue(lease, identityFields(lease.identity)));
  }

  async remove(node: SyntheticNode): Promise<void> {
    await this.#client.delete().key(keyOf(node));
  }

  async stop(): Promise<void> {
    this.#formerRequests = await this.listRequests();
    this.#client.close();
    await stopProcess(this.#pid, "SIGTERM", STOP_WITHIN_MS);
  }

  async start(): Promise<void> {
    this.#pid = await startEtcd(siteSpec("etcd", 1));
    this.#client = new Etcd3({ hosts: [URL] });
  }

  async listRequests(): Promise<number> {
    const metrics = await (await fetch(`${URL}/metrics`)).text();
    const line = /^grpc_server_started_total\{grpc_method="Range",.*\} (\S+)$/m.exec(metrics);
    return this.#formerRequests + Number(line?.[1] ?? 0);
  }

  async close(): Promise<void> {
    this.#client.close();
    await stopProcess(this.#pid, "SIGTERM", STOP_WITHIN_MS);
  }
}

function keyOf(node: SyntheticNode): string {
  return `${PREFIX}/subnets/${leaseOf(node).key}`;
}
