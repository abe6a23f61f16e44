/**
 * From a change in a store until another node has it in its snapshot; and until a node detects the loss of its lease.
 */
import { mkdir, rename } from "node:fs/promises";
import { join } from "node:path";
import type { LeaseStore } from "../../src/lease/store.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { peerLease } from "../control/peers.ts";
import { type Bench, type PromiseGroup, roundsOf } from "./group.ts";
import {
  ETCD_PREFIX,
  type EtcdSite,
  type FileSite,
  type LeaseWriter,
  leaseRequest,
  openEtcdStore,
  openFileStore,
  openKubernetesStore,
  withEtcd,
  withFiles,
  withKubernetes,
} from "./lease-sites.ts";
import { has, SnapshotWatch } from "./snapshot-watch.ts";
import { timeUntil, until } from "./wait.ts";

const SEEN_BOUND_MS = 200;
const LOST_BOUND_MS = 1000;
/** A store takes some time to see that it holds a lease. */
const HOLD_MS = 200;

export const store: PromiseGroup = {
  name: "store",
  async measure(bench) {
    await withEtcd(bench, async (site) => {
      await measureChanges(bench, "etcd", openEtcdStore(), site);
      await measureCompaction(bench, site);
      await measureLoss(bench, "etcd", openEtcdStore, site);
    });
    await withFiles(bench, async (site) => {
      await measureChanges(bench, "file", openFileStore(site), site);
      await measureLoss(bench, "file", () => openFileStore(site), site);
      await measurePolling(bench, site);
    });
    await withKubernetes(bench, (site) => measureChanges(bench, "kubernetes", openKubernetesStore(), site));
  },
};

async function measureChanges(
  bench: Bench,
  name: string,
  opened: LeaseStore,
  writer: LeaseWriter,
): Promise<void> {
  const { signal, note } = bench;
  const watch = new SnapshotWatch(opened);
  try {
    await until("a first snapshot", () => watch.latest !== null, signal);
    for (let round = 0; round < roundsOf(bench, 2); round++) {
      const [before, after] = [peerLease(round), peerLease(round, 1)];
      const acts = [
        ["created", () => writer.put(before), () => has(watch.leases, before)],
        ["changed", () => writer.put(after), () => has(watch.leases, after)],
        ["deleted", () => writer.remove(after), () => !has(watch.leases, after)],
      ] as const;
      for (const [what, act, isSeen] of acts) {
        const ms = await timeUntil(`a lease ${what} is seen, ${name}`, act, isSeen, signal);
        note(
          { topic: `a lease to another node's snapshot, ${name}`, detail: what, boundMs: SEEN_BOUND_MS },
          ms,
        );
      }
    }
  } finally {
    await watch.stop();
  }
}

/** The watch received nothing for long, and meanwhile its revision has been compacted. */
async function measureCompaction({ rounds, signal, note }: Bench, site: EtcdSite): Promise<void> {
  const watch = new SnapshotWatch(openEtcdStore());
  try {
    await until("a first snapshot", () => watch.latest !== null, signal);
    for (let round = 0; round < rounds; round++) {
      const { header } = await site.client.put(`${ETCD_PREFIX}/other`).value(String(round));
      await site.client.kv.compact({ revision: header.revision, physical: true });
      const lease = peerLease(round, 2);
      const isSeen = () => has(watch.leases, lease);
      const ms = await timeUntil("a lease is seen after a compaction", () => site.put(lease), isSeen, signal);
      const detail = "created after a compaction";
      note({ topic: "a lease to another node's snapshot, etcd", detail, boundMs: SEEN_BOUND_MS }, ms);
    }
  } finally {
    await watch.stop();
  }
}

/** A node's lease is deleted, or overwritten by another node. */
async function measureLoss(
  { rounds, signal, note }: Bench,
  name: string,
  open: () => LeaseStore,
  writer: LeaseWriter,
): Promise<void> {
  const thief = peerLease(1001);
  const acts = ["deleted", "overwritten"] as const;
  for (let turn = 0; turn < rounds * acts.length; turn++) {
    const detail = acts[turn % acts.length] ?? "deleted";
    const opened = open();
    const ended = new AbortController();
    try {
      const held = await opened.acquire(leaseRequest(peerLease(1000)), signal);
      let lost: string | null = null;
      const keeping = opened.holdUntilLost(held, ended.signal).then(
        (reason) => {
          lost = reason;
        },
        (error: unknown) => {
          if (!ended.signal.aborted) throw error;
        },
      );
      await systemClock.sleep(HOLD_MS, signal);
      const take = () =>
        detail === "deleted" ? writer.remove(held.lease) : writer.put({ ...thief, key: held.lease.key });
      const ms = await timeUntil(`a lease ${detail} is given up, ${name}`, take, () => lost !== null, signal);
      note({ topic: `a lease lost to its node's notice, ${name}`, detail, boundMs: LOST_BOUND_MS }, ms);
      await keeping;
      if (detail === "overwritten") await writer.remove(held.lease);
    } finally {
      ended.abort(new Error("measured"));
      await opened.close();
    }
  }
}

const POLL_MS = 100;
const POLLED_BOUND_MS = 2000;

/** The kernel sends no event when another directory replaces the watched one. */
async function measurePolling({ rounds, signal, note }: Bench, site: FileSite): Promise<void> {
  const { directory, subnets } = site.layout;
  const watch = new SnapshotWatch(openFileStore(site, { pollMs: POLL_MS }));
  try {
    await until("a first snapshot", () => watch.latest !== null, signal);
    for (let round = 0; round < rounds; round++) {
      const lease = peerLease(round, 3);
      const replace = async () => {
        await rename(subnets, join(directory, `before-${round}`));
        await mkdir(subnets);
        await site.put(lease);
      };
      const isSeen = () => has(watch.leases, lease);
      const ms = await timeUntil("a lease is found by polling", replace, isSeen, signal);
      const topic = `a lease to another node's snapshot, file, looked at every ${POLL_MS} ms`;
      note({ topic, detail: "", boundMs: POLLED_BOUND_MS }, ms);
    }
  } finally {
    await watch.stop();
  }
}
