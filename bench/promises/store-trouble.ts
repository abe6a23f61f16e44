/** Faults of a store: time from the end of a fault until a node is correct. */
import { once } from "node:events";
import { createServer } from "node:net";
import { TcpProxy } from "../../src/lab/tcp-proxy.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { peerLease } from "../control/peers.ts";
import { type Bench, type PromiseGroup, roundsOf } from "./group.ts";
import {
  ETCD_PORT,
  ETCD_PREFIX,
  type EtcdSite,
  type KubernetesSite,
  leaseRequest,
  openEtcdStore,
  openKubernetesStore,
  withEtcd,
  withKubernetes,
} from "./lease-sites.ts";
import { has, SnapshotWatch } from "./snapshot-watch.ts";
import { timeUntil, until } from "./wait.ts";

export const storeTrouble: PromiseGroup = {
  name: "store-trouble",
  async measure(bench) {
    await withEtcd(bench, async (site) => {
      await measureMuteEndpoint(bench);
      await throughProxy({}, async (proxy, watch) => {
        await measureCuts(bench, site, proxy, watch);
        await measureLostHistory(bench, site, proxy, watch);
      });
      await measureDarkPath(bench, site);
    });
    await withKubernetes(bench, (site) => measureApiServer(bench, site));
  },
};

async function throughProxy(
  timing: Parameters<typeof openEtcdStore>[0],
  use: (proxy: TcpProxy, watch: SnapshotWatch) => Promise<void>,
): Promise<void> {
  const proxy = await TcpProxy.to(ETCD_PORT);
  const watch = new SnapshotWatch(openEtcdStore(timing, [`http://127.0.0.1:${proxy.port}`]));
  try {
    await use(proxy, watch);
  } finally {
    await watch.stop();
    await proxy.close();
  }
}

const MUTE_BOUND_MS = 3000;
const REQUEST_TIMEOUT_MS = 1000;

/** The first of two endpoints accepts connections and never answers. */
async function measureMuteEndpoint({ rounds, signal, note }: Bench): Promise<void> {
  const mute = createServer();
  mute.listen(0, "127.0.0.1");
  await once(mute, "listening");
  const { port } = mute.address() as { readonly port: number };
  const endpoints = [port, ETCD_PORT].map((each) => `http://127.0.0.1:${each}`);
  try {
    for (let round = 0; round < rounds; round++) {
      const store = openEtcdStore({ requestTimeoutMs: REQUEST_TIMEOUT_MS }, endpoints);
      const startedMs = performance.now();
      await store.acquire(leaseRequest(peerLease(round)), signal);
      const topic = "a lease acquired although etcd's first endpoint says nothing for 1 s";
      note({ topic, detail: "", boundMs: MUTE_BOUND_MS }, performance.now() - startedMs);
      await store.close();
    }
  } finally {
    mute.close();
  }
}

const CUTS_BOUND_MS = 2000;
const CUTS = 40;
const MAX_BETWEEN_CUTS_MS = 100;

/** Leases change all the time, and the connection is cut again and again. */
async function measureCuts(
  { rounds, signal, note }: Bench,
  site: EtcdSite,
  proxy: TcpProxy,
  watch: SnapshotWatch,
): Promise<void> {
  let generation = 0;
  for (let round = 0; round < rounds; round++) {
    let isOver = false;
    const writing = (async () => {
      while (!isOver) await site.put(peerLease(1, generation++));
    })();
    for (let cuts = 0; cuts < CUTS; ) {
      await systemClock.sleep(Math.random() * MAX_BETWEEN_CUTS_MS, signal);
      if (proxy.cut()) cuts++;
    }
    isOver = true;
    await writing;
    const newest = peerLease(1, generation - 1);
    const ms = await timeUntil(
      "right after cuts",
      () => {},
      () => has(watch.leases, newest),
      signal,
    );
    const topic = `etcd's connection cut ${CUTS} times to all right`;
    note({ topic, detail: "", boundMs: CUTS_BOUND_MS }, ms);
  }
}

const LOST_HISTORY_BOUND_MS = 5500;
const AWAY_MS = 100;

/** The events during the break have been compacted: everything is listed again, at most once in 5 s. */
async function measureLostHistory(
  bench: Bench,
  site: EtcdSite,
  proxy: TcpProxy,
  watch: SnapshotWatch,
): Promise<void> {
  const { signal, note } = bench;
  for (let round = 0; round < roundsOf(bench, 0.6); round++) {
    const lease = peerLease(2, round);
    proxy.refuse();
    await site.put(lease);
    const { header } = await site.client.put(`${ETCD_PREFIX}/other`).value(`lost ${round}`);
    await site.client.kv.compact({ revision: header.revision, physical: true });
    await systemClock.sleep(AWAY_MS, signal);
    const isRight = () => has(watch.leases, lease);
    const ms = await timeUntil("right after a compaction", () => proxy.restore(), isRight, signal);
    const topic = "etcd back with its history compacted to all right";
    note({ topic, detail: "", boundMs: LOST_HISTORY_BOUND_MS }, ms);
  }
}

const DARK_BOUND_MS = 8000;
const DARK_MS = 8000;
/** A third of the daemon's own. */
const KEEPALIVE = { keepaliveMs: 6000, keepaliveTimeoutMs: 1000 };

/** The path silently drops all packets, and later works again for new connections only. */
async function measureDarkPath(bench: Bench, site: EtcdSite): Promise<void> {
  const { signal, note } = bench;
  for (let round = 0; round < roundsOf(bench, 0.3); round++) {
    await throughProxy(KEEPALIVE, async (proxy, watch) => {
      await until("a first snapshot", () => watch.latest !== null, signal);
      const lease = peerLease(3, round);
      proxy.freeze();
      await site.put(lease);
      await systemClock.sleep(DARK_MS, signal);
      const restore = () => proxy.restore({ cutsFrozen: false });
      const isRight = () => has(watch.leases, lease);
      const ms = await timeUntil("right after a dark path", restore, isRight, signal);
      const topic = "a dark path to etcd works again to all right";
      note({ topic, detail: "asked for a sign of life every 6 s", boundMs: DARK_BOUND_MS }, ms);
    });
  }
}

/** Faults of an API server, with waits of a fifth and a tenth of the daemon's. */
const SHORT_WAITS = {
  listIntervalMs: 0,
  listSpreadMs: 100,
  answerMs: 400,
  outage: { firstRetryMs: 200, retryIntervalMs: 1000 },
};
const QUICK_BOUND_MS = 1500;
/** A new token costs no wait beyond that after a break. */
const TOKEN_BOUND_MS = 600;
const FAULT_MS = 2000;
/** After a refusal the client waits a second: the next fault begins afterwards. */
const REST_MS = 1500;

interface Fault {
  readonly detail: string;
  readonly boundMs: number;
  readonly lastsMs: number;
  readonly begin: (tell: KubernetesSite["tell"]) => Promise<unknown>;
  readonly end: (tell: KubernetesSite["tell"]) => Promise<unknown>;
}

const cutting =
  (act: string, details = {}) =>
  async (tell: KubernetesSite["tell"]) => {
    await tell(act, details);
    await tell("cut");
  };

const FAULTS: readonly Fault[] = [
  {
    detail: "was away",
    boundMs: QUICK_BOUND_MS,
    lastsMs: FAULT_MS,
    begin: (tell) => tell("close"),
    end: (tell) => tell("open"),
  },
  {
    detail: "answered no watch",
    boundMs: QUICK_BOUND_MS,
    lastsMs: FAULT_MS,
    begin: cutting("stall"),
    end: (tell) => tell("flow"),
  },
  {
    detail: "took no token",
    boundMs: QUICK_BOUND_MS,
    lastsMs: FAULT_MS,
    begin: cutting("revoke", { name: "node1" }),
    end: (tell) => tell("rotate", { name: "node1" }),
  },
  {
    detail: "took another token when the connection broke",
    boundMs: TOKEN_BOUND_MS,
    lastsMs: 0,
    begin: async () => {},
    end: cutting("rotate", { name: "node1" }),
  },
];

async function measureApiServer({ rounds, signal, note }: Bench, site: KubernetesSite): Promise<void> {
  const watch = new SnapshotWatch(openKubernetesStore(SHORT_WAITS));
  try {
    await until("a first snapshot", () => watch.latest !== null, signal);
    for (let turn = 0; turn < rounds * FAULTS.length; turn++) {
      const fault = FAULTS[turn % FAULTS.length];
      if (fault === undefined) throw new RangeError(`no fault ${turn}`);
      const { detail, boundMs, lastsMs, begin, end } = fault;
      await begin(site.tell);
      await systemClock.sleep(lastsMs, signal);
      const lease = peerLease(turn);
      const isRight = () => has(watch.leases, lease);
      const finish = async () => {
        await end(site.tell);
        await site.put(lease);
      };
      const ms = await timeUntil(`right after the API server ${detail}`, finish, isRight, signal);
      const topic = "an API server's trouble over to all right, with waits of 0.2 and 1 s";
      note({ topic, detail, boundMs }, ms);
      await systemClock.sleep(REST_MS, signal);
    }
  } finally {
    await watch.stop();
  }
}
