/** What must hold of the leases of nodes on one etcd, checked at each transaction and at each report of a loss. */
import type { HostIdentity } from "../../../src/lease/host-identity.ts";
import type { Lease } from "../../../src/lease/lease.ts";
import { ifReadable, readStoredLease } from "../../../src/lease/stored-lease.ts";
import type { KeyVersion } from "./key-history.ts";
import type { LeaseNode } from "./lease-node.ts";
import type { SimulatedEtcdStore } from "./simulated-etcd-store.ts";

const SUBNETS = "/coreos.com/network/subnets/";

export class LeaseOracle {
  readonly violations: string[] = [];
  readonly #etcd: SimulatedEtcdStore;
  readonly #nowMs: () => number;
  /** When a lease was last written by its owner, and when it was last taken from it: by key. */
  readonly #writtenAtMs = new Map<string, number>();
  readonly #takenAtMs = new Map<string, number>();
  /** False while an operator or a hostile author writes. */
  isDaemonWriting = true;

  constructor(etcd: SimulatedEtcdStore, nowMs: () => number) {
    this.#etcd = etcd;
    this.#nowMs = nowMs;
    etcd.server.onChanges = (changes) => {
      for (const change of changes) if (change.key.startsWith(SUBNETS)) this.#check(change);
    };
  }

  /** Another state of the whole store takes every lease that is not its owner's there. */
  onRestored(before: readonly KeyVersion[]): void {
    const { history } = this.#etcd.server.data;
    for (const version of before) {
      const [now] = history.range({ first: version.key, end: null });
      const isSameOwner = now !== undefined && identityOf(now)?.id === identityOf(version)?.id;
      if (!isSameOwner) this.#takenAtMs.set(version.key, this.#nowMs());
    }
  }

  onLost(node: LeaseNode, lease: Lease, reason: string): void {
    const key = SUBNETS + lease.key;
    const writtenAtMs = this.#writtenAtMs.get(`${key} ${node.identity.id}`) ?? 0;
    const takenAtMs = this.#takenAtMs.get(key) ?? Number.NEGATIVE_INFINITY;
    if (takenAtMs >= writtenAtMs) return;
    this.fail(`${node.name} gave up ${lease.key} although nobody took it: ${reason}`);
  }

  fail(text: string): void {
    this.violations.push(`at ${this.#nowMs()} ms: ${text}`);
  }

  #check(change: KeyVersion): void {
    const { history } = this.#etcd.server.data;
    const [before] = history.range({ first: change.key, end: null }, change.modRevision - 1);
    const owner = before === undefined ? undefined : identityOf(before);
    if (change.version === 0 || !this.isDaemonWriting) {
      this.#takenAtMs.set(change.key, this.#nowMs());
      return;
    }
    const writer = identityOf(change);
    if (writer === undefined) {
      this.fail(`a daemon wrote ${change.key} without its identity`);
      return;
    }
    if (owner !== undefined && owner.id !== writer.id) {
      this.#takenAtMs.set(change.key, this.#nowMs());
      if (owner.machineId !== writer.machineId)
        this.fail(`${writer.hostName} wrote over ${owner.hostName}'s lease ${change.key}`);
    }
    this.#writtenAtMs.set(`${change.key} ${writer.id}`, this.#nowMs());
  }
}

function identityOf({ key, value, createRevision }: KeyVersion): HostIdentity | undefined {
  const name = key.slice(SUBNETS.length);
  const lease = ifReadable(() => ({
    ...readStoredLease(name, value, BigInt(createRevision)),
    isReservation: false,
  }));
  return lease?.identity;
}
