/** Faults of the store, of the way to it, and leases of hostile authors. */
import { isJsonObject } from "../../src/runtime/json.ts";
import type { Acts } from "./acts.ts";
import type { SimulatedCluster } from "./cluster.ts";
import {
  CATCH_UP_MS,
  RELIST_MS,
  REWIND_NOTICED_AT_START_MS,
  REWIND_NOTICED_MS,
  STORE_RECOVERY_MS,
} from "./grace.ts";
import { withStolenMacs } from "./hostile-writes.ts";
import type { StoreStepName } from "./step.ts";
import type { SimulatedStore } from "./store.ts";

export const STORE_ACTS: Acts<StoreStepName> = {
  "store away": ({ store, faults, ...cluster }, { forMs }) => {
    blindAll({ store, ...cluster }, forMs);
    faults.hold(
      "store away",
      forMs,
      () => store.setAway(true),
      () => store.setAway(false),
    );
  },
  "store hangs": ({ store, faults, ...cluster }, { forMs }) => {
    blindAll({ store, ...cluster }, forMs);
    faults.hold(
      "store hangs",
      forMs,
      () => store.hang(true),
      () => store.hang(false),
    );
  },
  annotate: (cluster, { host, name, text }) => {
    const on = cluster.hostAt(host);
    const isV6 = name.includes("v6");
    // A host that may move would publish what it had before.
    const own = on.traits.isFixed ? on.ipOf(isV6 ? "v6" : "v4") : null;
    const value = text === "::1" && isV6 ? "no address" : (text ?? own);
    cluster.store.annotate?.(on.name, name, value);
  },
  "large node": ({ store, faults }, { forMs }) =>
    faults.hold(
      "large node",
      forMs,
      () => store.setLargeObject?.(true),
      () => store.setLargeObject?.(false),
    ),
  "store refuses": ({ store, faults, ...cluster }, { forMs }) => {
    if (store.refuse === undefined) return;
    blindAll({ store, ...cluster }, forMs);
    faults.hold(
      "store refuses",
      forMs,
      () => store.refuse?.(true),
      () => store.refuse?.(false),
    );
  },
  partition: (cluster, { host, forMs }) =>
    holdOn(cluster, "partition", host, forMs, (name, isOn) => cluster.store.partition(name, isOn)),
  "silence watch": (cluster, { host, forMs }) =>
    holdOn(cluster, "silence", host, forMs, (name, isOn) => cluster.store.silenceWatch(name, isOn)),
  "delay watch": (cluster, { host, forMs, ms }) =>
    holdOn(cluster, "delay", host, forMs + ms, (name, isOn) => cluster.store.delayWatch(name, isOn ? ms : 0)),
  "empty watch": (cluster, { host, forMs }) => {
    const index = cluster.indexAt(host);
    const on = cluster.hostAt(host);
    cluster.disturbances.blind(index, forMs);
    cluster.faults.hold(
      `empty ${index}`,
      forMs,
      () => cluster.emptyWatch(on, cluster.time.nowMs + forMs),
      () => cluster.fillWatch(on),
    );
  },
  "break watches": (cluster) => {
    blindAll(cluster, 0);
    cluster.store.breakWatches();
  },
  compact: ({ store, hosts, disturbances }) => {
    for (const each of hosts.keys()) disturbances.blind(each, RELIST_MS[store.kind]);
    store.compact();
  },
  "back up": (cluster) => cluster.backUp(),
  restore: (cluster) => {
    const { kind } = cluster.store;
    blindAll(cluster, REWIND_NOTICED_MS[kind]);
    for (const [index, host] of cluster.hosts.entries())
      if (!host.isReady) cluster.disturbances.blind(index, REWIND_NOTICED_AT_START_MS[kind]);
    cluster.restore();
  },
  "rotate credentials": (cluster) => {
    blindAll(cluster, 0);
    cluster.store.rotateCredentials();
  },
  expire: (cluster, { host }) => {
    // Its peers withdraw it until they see it again.
    cluster.disturbances.disturb(cluster.indexAt(host), CATCH_UP_MS);
    cluster.store.expireNow?.(cluster.hostAt(host).name);
  },
  "hostile write": ({ store }, { author, write }) =>
    store.putRaw(
      `author${author}`,
      withStolenMacs(write, (node) => macOf(store, node)),
    ),
  "hostile author leaves": ({ store }, { author }) => store.removeRaw(`author${author}`),
};

function macOf(store: SimulatedStore, node: string): string | null {
  const lease = store.leases().find(({ key, identity }) => key === node || identity?.hostName === node);
  for (const { data } of lease?.offers ?? []) {
    const { v4 } = data;
    if (isJsonObject(v4) && typeof v4.VtepMAC === "string") return v4.VtepMAC;
  }
  return null;
}

/** Nobody may learn of changes for this time, and until the clients have recovered. */
function blindAll(
  { store, hosts, disturbances }: Pick<SimulatedCluster, "store" | "hosts" | "disturbances">,
  forMs: number,
): void {
  for (const each of hosts.keys()) disturbances.blind(each, forMs + STORE_RECOVERY_MS[store.kind]);
}

function holdOn(
  cluster: SimulatedCluster,
  name: string,
  host: number,
  forMs: number,
  set: (host: string, isOn: boolean) => void,
): void {
  const index = cluster.indexAt(host);
  const of = cluster.hostAt(host).name;
  cluster.disturbances.blind(index, forMs + STORE_RECOVERY_MS[cluster.store.kind]);
  cluster.faults.hold(
    `${name} ${index}`,
    forMs,
    () => set(of, true),
    () => set(of, false),
  );
}
