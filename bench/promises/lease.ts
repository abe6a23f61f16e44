/** Propagation delay of a lease to the kernel of another node, among few nodes and among many, and of its removal. */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { kubeconfigFile } from "../../src/lab/kube-api-process.ts";
import { nodeConfigFile } from "../../src/lab/node-config.ts";
import { switchNamespace } from "../../src/lab/topology.ts";
import { endDaemon } from "../control/daemon-run.ts";
import { startRepeatedly, timeChanges } from "../control/daemon-scale.ts";
import { KubeCluster } from "../control/kube-cluster.ts";
import { openPeerStore } from "../control/peer-store.ts";
import { NETWORK_CONFIG, peerLease, peerLeases } from "../control/peers.ts";
import { buildSite, removeSite, type StoreKind, siteNode, siteSpec } from "../control/site.ts";
import { inside } from "./bench-lab.ts";
import { type Bench, type PromiseGroup, roundsOf } from "./group.ts";

const FEW = 10;
const MANY = 5000;
const FEW_BOUND_MS = 200;
const MANY_BOUND_MS = { etcd: 100, file: 100, kubernetes: 200 };
const COLD_BOUND_MS = 1500;
/** A change takes a fraction of the time of the others. */
const CHANGES = 4;

export const lease: PromiseGroup = {
  name: "lease",
  measure: (bench) => measureAmong(bench, FEW),
};

export const manyPeers: PromiseGroup = {
  name: "lease-5000",
  measure: (bench) => measureAmong(bench, MANY),
};

async function measureAmong(bench: Bench, peers: number): Promise<void> {
  try {
    for (const store of ["etcd", "file"] as const) await measureOn(bench, store, peers);
    await measureOnKubernetes(bench, peers);
  } finally {
    await removeSite();
  }
}

async function measureOn(bench: Bench, store: StoreKind, peers: number): Promise<void> {
  await buildSite(store);
  await inside(switchNamespace(siteSpec(store, 1).name), async () => {
    const peerStore = openPeerStore(store);
    try {
      await peerStore.fill(peerLeases(peers));
      await measureDaemon(bench, siteSpec(store, 1).store, peers, (index, generation) =>
        peerStore.replace(peerLease(index, generation)),
      );
    } finally {
      peerStore.close();
    }
  });
}

async function measureOnKubernetes(bench: Bench, peers: number): Promise<void> {
  await buildSite("file");
  const { name } = siteSpec("kubernetes", 1);
  const configFile = nodeConfigFile(siteNode());
  await mkdir(dirname(configFile), { recursive: true });
  await writeFile(configFile, JSON.stringify(NETWORK_CONFIG));
  await inside(switchNamespace(name), async () => {
    const directory = dirname(kubeconfigFile(name, siteNode().name));
    const cluster = await KubeCluster.start(directory, peers);
    try {
      await measureDaemon(bench, "kubernetes", peers, async (index, generation) =>
        cluster.change(index, generation),
      );
    } finally {
      await cluster.stop();
    }
  });
}

/** A daemon that has just started, as after a boot. */
async function measureDaemon(
  bench: Bench,
  store: "etcd" | "file" | "kubernetes",
  peers: number,
  change: (index: number, generation: number) => Promise<void>,
): Promise<void> {
  const { program, note, signal } = bench;
  signal.throwIfAborted();
  const isLarge = peers === MANY;
  const starts = isLarge ? roundsOf(bench, 0.5) : 1;
  const { runs, pid } = await startRepeatedly(siteSpec(store, 1), peers, program, starts);
  const amongst = `among ${peers.toLocaleString("en")}`;
  const topic = `a lease changed in the store to the kernel, ${amongst}`;
  const boundMs = isLarge ? MANY_BOUND_MS[store] : FEW_BOUND_MS;
  for (const ms of await timeChanges(peers, roundsOf(bench, CHANGES), change)) {
    note({ topic, detail: store, boundMs }, ms);
  }
  for (const { leaseToReadyMs } of isLarge ? runs : []) {
    const cold = {
      topic: `own lease to all ${peers.toLocaleString("en")} peers in the kernel`,
      detail: store,
    };
    note({ ...cold, boundMs: COLD_BOUND_MS }, leaseToReadyMs);
  }
  await endDaemon(pid);
}
