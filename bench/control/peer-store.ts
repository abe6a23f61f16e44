/** Writes leases of synthetic nodes into a store, in the form that the nodes themselves would write. */
import { mkdir, rename, writeFile } from "node:fs/promises";
import { Etcd3 } from "etcd3";
import { labDirectory } from "../../src/lab/topology.ts";
import { Layout } from "../../src/lease/file/layout.ts";
import { formatLeaseFile } from "../../src/lease/file/lease-file.ts";
import type { Lease } from "../../src/lease/lease.ts";
import { encodeLeaseValue } from "../../src/lease/lease-value.ts";
import { NETWORK_CONFIG } from "./peers.ts";
import { type StoreKind, siteSpec } from "./site.ts";

export interface PeerStore {
  /** Writes the network's configuration and the leases. */
  fill(leases: readonly Lease[]): Promise<void>;
  replace(lease: Lease): Promise<void>;
  close(): void;
}

/** To be called in the switch's namespace, where the lab's etcd serves on loopback. */
export function openPeerStore(store: StoreKind): PeerStore {
  return store === "etcd" ? new EtcdPeers() : new FilePeers(`${labDirectory(siteSpec(store, 1).name)}/store`);
}

const PREFIX = "/coreos.com/network";
/** etcd accepts at most 128 operations in one transaction by default. */
const PUTS_PER_TRANSACTION = 100;

class EtcdPeers implements PeerStore {
  readonly #client = new Etcd3({ hosts: ["http://127.0.0.1:2379"] });

  async fill(leases: readonly Lease[]): Promise<void> {
    await this.#client.put(`${PREFIX}/config`).value(JSON.stringify(NETWORK_CONFIG));
    for (let start = 0; start < leases.length; start += PUTS_PER_TRANSACTION) {
      const puts = leases.slice(start, start + PUTS_PER_TRANSACTION).map((lease) => ({
        request_put: { key: etcdKey(lease), value: Buffer.from(encodeLeaseValue(lease)) },
      }));
      await this.#client.kv.txn({ compare: [], success: puts });
    }
  }

  async replace(lease: Lease): Promise<void> {
    await this.#client.put(etcdKey(lease)).value(encodeLeaseValue(lease));
  }

  close(): void {
    this.#client.close();
  }
}

function etcdKey(lease: Lease): Buffer {
  return Buffer.from(`${PREFIX}/subnets/${lease.key}`);
}

class FilePeers implements PeerStore {
  readonly #layout: Layout;

  constructor(directory: string) {
    this.#layout = new Layout(directory);
  }

  async fill(leases: readonly Lease[]): Promise<void> {
    await mkdir(this.#layout.subnets, { recursive: true });
    await writeFile(this.#layout.config, JSON.stringify(NETWORK_CONFIG));
    for (const lease of leases) await writeFile(this.#layout.lease(lease.key), leaseText(lease));
  }

  async replace(lease: Lease): Promise<void> {
    const path = this.#layout.lease(lease.key);
    await writeFile(`${path}.new`, leaseText(lease));
    await rename(`${path}.new`, path);
  }

  close(): void {}
}

/** Reservations: they do not expire while the benchmark runs. */
function leaseText(lease: Lease): string {
  return formatLeaseFile(lease, "bench", null);
}
