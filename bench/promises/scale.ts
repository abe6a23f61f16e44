/** Parts of a daemon with 5,000 peers, one by one: the store, the lease, the kernel, the packet filter. */
import { writeFile } from "node:fs/promises";
import { parseNetworkConfig } from "../../src/config/network-config.ts";
import { inNamespace } from "../../src/lab/namespaces.ts";
import { accept } from "../../src/lease/accept.ts";
import { allocate, CANDIDATES } from "../../src/lease/allocate.ts";
import { formatLeaseFile } from "../../src/lease/file/lease-file.ts";
import { unparsed } from "../../src/lease/offer-reading.ts";
import type { LeaseStore } from "../../src/lease/store.ts";
import { parseIpv4, parseIpv4Prefix } from "../../src/net/index.ts";
import { run } from "../../src/runtime/program.ts";
import { systemRandom } from "../../src/runtime/random.ts";
import { timeConvergence } from "../control/in-process.ts";
import { openPeerStore } from "../control/peer-store.ts";
import { NETWORK_CONFIG, PEER_NETWORK, peerLease, peerLeases } from "../control/peers.ts";
import { buildSite, removeSite, siteNode } from "../control/site.ts";
import { inside } from "./bench-lab.ts";
import { nodeRules, withFirewall } from "./firewall-bench.ts";
import { type Bench, type PromiseGroup, roundsOf } from "./group.ts";
import {
  type LeaseWriter,
  leaseRequest,
  openEtcdStore,
  openFileStore,
  withEtcd,
  withFiles,
} from "./lease-sites.ts";
import { has, SnapshotWatch } from "./snapshot-watch.ts";
import { vxlanSenders } from "./vxlan-senders.ts";
import { timeUntil, until } from "./wait.ts";

const PEERS = 5000;

export const scale: PromiseGroup = {
  name: "scale",
  async measure(bench) {
    measureAllocation(bench);
    await measureEtcd(bench);
    await measureFiles(bench);
    await measureReconciler(bench);
    await measurePacketFilter(bench);
  },
};

/** A small part of a daemon's start, and fast enough for more rounds than the others. */
const ALLOCATIONS = 4;
const ALLOCATION_BOUND_MS = 100;

function measureAllocation(bench: Bench): void {
  const config = parseNetworkConfig(JSON.stringify(NETWORK_CONFIG), "benchmark");
  const wanted = {
    taken: peerLeases(PEERS).map(({ subnets }) => subnets),
    previous: { v4: null, v6: null },
    random: systemRandom,
    candidates: CANDIDATES,
  };
  // The first call compiles the code, which must not count in the others.
  allocate(config, wanted);
  for (let round = 0; round < roundsOf(bench, ALLOCATIONS); round++) {
    const startedMs = performance.now();
    allocate(config, wanted);
    const topic = "a subnet chosen beside 5,000 leases";
    bench.note({ topic, detail: "", boundMs: ALLOCATION_BOUND_MS }, performance.now() - startedMs);
  }
}

const ETCD = { name: "etcd", listBoundMs: 400, changeBoundMs: 150 };
const ACQUIRE_BOUND_MS = 400;
const FILES = { name: "file", listBoundMs: 1500, changeBoundMs: 250 };

function measureEtcd(bench: Bench): Promise<void> {
  const { rounds, signal, note } = bench;
  return withEtcd(bench, async (site) => {
    const peerStore = openPeerStore("etcd");
    await peerStore.fill(peerLeases(PEERS));
    peerStore.close();
    for (let round = 0; round < rounds; round++)
      await measureSnapshots(bench, ETCD, openEtcdStore(), site, round);
    for (let round = 0; round < rounds; round++) {
      const store = openEtcdStore();
      const startedMs = performance.now();
      const held = await store.acquire(leaseRequest(peerLease(PEERS + round)), signal);
      const topic = "a lease acquired beside 5,000, etcd";
      note({ topic, detail: "", boundMs: ACQUIRE_BOUND_MS }, performance.now() - startedMs);
      await site.remove(held.lease);
      await store.close();
    }
  });
}

function measureFiles(bench: Bench): Promise<void> {
  return withFiles(bench, async (site) => {
    for (const lease of peerLeases(PEERS)) {
      await writeFile(site.layout.lease(lease.key), formatLeaseFile(lease, "bench", null));
    }
    for (let round = 0; round < bench.rounds; round++) {
      await measureSnapshots(bench, FILES, openFileStore(site), site, round);
    }
  });
}

const ACCEPT_BOUND_MS = 60;

/** Snapshots of a store that was just opened. */
async function measureSnapshots(
  { signal, note }: Bench,
  { name, listBoundMs, changeBoundMs }: typeof ETCD,
  store: LeaseStore,
  writer: LeaseWriter,
  round: number,
): Promise<void> {
  // A process loads a client library once; a daemon does so while it reads its configuration.
  await store.previous(leaseRequest(peerLease(PEERS)), signal);
  const startedMs = performance.now();
  const watch = new SnapshotWatch(store);
  try {
    await until(`all leases are known, ${name}`, () => watch.leases.length === PEERS, signal);
    const first = { topic: `a first snapshot of 5,000 leases, ${name}`, detail: "" };
    note({ ...first, boundMs: listBoundMs }, performance.now() - startedMs);
    const changed = peerLease(77, round + 1);
    const isSeen = () => has(watch.leases, changed);
    const ms = await timeUntil(`a change is seen, ${name}`, () => writer.put(changed), isSeen, signal);
    const change = {
      topic: `a change of one of 5,000 leases to another node's snapshot, ${name}`,
      detail: "",
    };
    note({ ...change, boundMs: changeBoundMs }, ms);
    const { latest } = watch;
    if (latest === null) throw new Error("no snapshot");
    const acceptMs = timeAcceptance(latest);
    note({ topic: "5,000 leases judged", detail: "", boundMs: ACCEPT_BOUND_MS }, acceptMs);
  } finally {
    await watch.stop();
  }
}

function timeAcceptance(snapshot: Parameters<typeof accept>[0]): number {
  const rules = { v4: { network: PEER_NETWORK, subnetLength: 24 }, v6: null };
  const own = {
    key: "self",
    subnets: { v4: parseIpv4Prefix("10.127.254.0/24"), v6: null },
    publicIps: { v4: parseIpv4("198.18.1.1"), v6: null },
  };
  const startedMs = performance.now();
  const { peers } = accept(snapshot, {
    rules,
    own,
    read: unparsed,
    refuse: () => null,
    holders: null,
  });
  const tookMs = performance.now() - startedMs;
  if (peers.length !== PEERS) throw new Error(`${peers.length} of ${PEERS} leases were accepted`);
  return tookMs;
}

const COLD_BOUND_MS = 5000;
const CHANGED_BOUND_MS = 300;

async function measureReconciler({ rounds, note }: Bench): Promise<void> {
  try {
    await buildSite("file");
    await inside(siteNode().namespace, async () => {
      const { coldMs, changedMs } = await timeConvergence(PEERS, rounds);
      const cold = {
        topic: "5,000 peers to the kernel by the reconciler",
        detail: "",
        boundMs: COLD_BOUND_MS,
      };
      for (const ms of coldMs) note(cold, ms);
      const topic = "one changed peer of 5,000 to the kernel by the reconciler";
      for (const ms of changedMs) note({ topic, detail: "", boundMs: CHANGED_BOUND_MS }, ms);
    });
  } finally {
    await removeSite();
  }
}

const ALL_BOUND_MS = 5000;
const ONE_BOUND_MS = 50;
const FLUSH_BOUND_MS = 1000;
const RESYNC_MS = 60_000;

/** Of a dual-stack node. */
function measurePacketFilter(bench: Bench): Promise<void> {
  const { rounds, signal, note } = bench;
  return withFirewall("nftables", RESYNC_MS, signal, async ({ hostFirewall, namespace, agreed }) => {
    const [all, fewer] = [rulesWith(PEERS), rulesWith(PEERS - 1)];
    const timeWrite = async (act: () => unknown) => {
      const { writes } = hostFirewall.status();
      const ms = await timeUntil(
        "the rules are written",
        act,
        () => hostFirewall.status().writes > writes,
        signal,
      );
      await agreed();
      return ms;
    };
    const set = (rules: ReturnType<typeof rulesWith>) => () => hostFirewall.setDesired(rules, false);
    const one = { topic: "one peer of 5,000 to the packet filter", boundMs: ONE_BOUND_MS };
    const flush = { topic: "repair of the packet filter of 5,000 peers", detail: "nft flush ruleset" };
    const cold = { topic: "5,000 peers to the packet filter", detail: "", boundMs: ALL_BOUND_MS };
    note(cold, await timeWrite(set(fewer)));
    for (let round = 0; round < rounds; round++) {
      note({ ...one, detail: "one more" }, await timeWrite(set(all)));
      note({ ...one, detail: "one fewer" }, await timeWrite(set(fewer)));
    }
    for (let round = 0; round < rounds; round++) {
      const ms = await timeWrite(() => run("ip", inNamespace(namespace, ["nft", "flush", "ruleset"])));
      note({ ...flush, boundMs: FLUSH_BOUND_MS }, ms);
    }
  });
}

function rulesWith(count: number) {
  const senders = vxlanSenders(count);
  return nodeRules({ vxlan: { ports: [8472], vnis: [1], senders }, ipip: null, arrivals: null });
}
