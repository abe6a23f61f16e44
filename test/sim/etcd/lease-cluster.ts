/** Three to seven nodes without agents on one simulated etcd, and what happens to them. */

import type { Random } from "../../../src/runtime/random.ts";
import { network } from "../../support/lease-fixtures.ts";
import { seededRandom } from "../../support/seeded-random.ts";
import { NodeClock, SimulatedTime } from "../../support/simulated-time.ts";
import { LeaseNode } from "./lease-node.ts";
import { LeaseOracle } from "./lease-oracle.ts";
import { SimulatedEtcdStore } from "./simulated-etcd-store.ts";

/** Few subnets, so that nodes meet. */
const CONFIG = network({ Network: "10.5.0.0/16", SubnetMin: "10.5.1.0", SubnetMax: "10.5.16.0" });
/** Minutes instead of a day, so that leases expire. */
const TIMING = { leaseTtlSeconds: 120 };
const RENEW_MARGIN_MS = 60_000;
const LEASES = { first: "/coreos.com/network/subnets/", end: "/coreos.com/network/subnets0" };

export class LeaseCluster {
  readonly time = new SimulatedTime();
  readonly clock: NodeClock;
  readonly random: Random;
  readonly etcd: SimulatedEtcdStore;
  readonly oracle: LeaseOracle;
  readonly nodes: readonly LeaseNode[];

  /** @param size by default three to seven, chosen by the seed */
  constructor(seed: number, size?: number) {
    this.random = seededRandom(seed);
    this.clock = new NodeClock(this.time);
    const options = { timing: TIMING, renewMarginMs: RENEW_MARGIN_MS };
    this.etcd = new SimulatedEtcdStore({ time: this.time, random: this.random }, options);
    this.oracle = new LeaseOracle(this.etcd, () => this.time.nowMs);
    const observer = {
      onLost: (...loss: Parameters<LeaseOracle["onLost"]>) => this.oracle.onLost(...loss),
      onFailure: (node: LeaseNode, error: unknown) => this.oracle.fail(`${node.name} failed: ${error}`),
    };
    const parts = { etcd: this.etcd, random: this.random, config: CONFIG, observer };
    this.nodes = Array.from({ length: size ?? 3 + this.random.below(5) }, (_, index) => {
      const name = `node${index + 1}`;
      return new LeaseNode(name, `192.0.2.${index + 1}`, this.#identity(name), parts);
    });
  }

  /** After a reboot without its run directory: another id on the same machine. */
  reboot(node: LeaseNode): void {
    node.kill();
    node.identity = { ...node.identity, id: this.#mark(), boot: this.#mark(), netns: this.#mark() };
  }

  restore(): void {
    const before = this.etcd.server.data.history.range(LEASES);
    if (!this.etcd.server.hasBackup) return;
    this.etcd.restore();
    this.oracle.onRestored(before);
  }

  /** Runs a change that no daemon makes. */
  asOperator(act: () => void): void {
    this.oracle.isDaemonWriting = false;
    try {
      act();
    } finally {
      this.oracle.isDaemonWriting = true;
    }
  }

  close(): void {
    for (const node of this.nodes) node.kill();
    this.etcd.close();
  }

  #identity(hostName: string) {
    const mark = () => this.#mark();
    const product = "0".repeat(32);
    return { id: mark(), hostName, machineId: mark(), product, boot: mark(), netns: mark() };
  }

  #mark(): string {
    return Buffer.from(this.random.bytes(16)).toString("hex");
  }
}
