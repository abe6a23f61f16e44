/** Bugs that overlay networks have had. */
import type { Lease, LeaseSnapshot } from "../../src/lease/lease.ts";
import { holdForEver } from "./etcd/hold-for-ever.ts";
import { SimulatedEtcdStore } from "./etcd/simulated-etcd-store.ts";
import { WatcherAtHead } from "./etcd/watcher-at-head.ts";
import { type FaultyPart, withOperations, withView } from "./faulty-part.ts";
import type { SimulatedStore } from "./store.ts";
import { storeWith } from "./store-with.ts";

export const KNOWN_BUGS: readonly FaultyPart[] = [
  {
    name: "a watcher resumes at the head after a compaction",
    options: { store: "etcd" },
    replacements: {
      store: (store, host, server) => {
        const watcher = new WatcherAtHead(etcdOf(server), host);
        return storeWith(store, { snapshots: (signal) => watcher.snapshots(signal) });
      },
    },
  },
  withView("deltas in place of snapshots, and one lost delete", () => {
    const view = new Map<string, Lease>();
    let last: ReadonlyMap<string, Lease> = new Map();
    let hasLost = false;
    return (snapshot) => {
      const now = byKey(snapshot);
      const gone = [...last.keys()].find((key) => !now.has(key));
      const lost = hasLost || gone === undefined ? undefined : view.get(gone);
      applyChanges(view, last, now);
      if (gone !== undefined && lost !== undefined) view.set(gone, lost);
      hasLost ||= lost !== undefined;
      last = now;
      return [...view.values()];
    };
  }),
  withOperations("a device that was created again has no peers", () => {
    const created = new Set<string>();
    const again = new Set<string>();
    return (operation) => {
      if (operation.op === "create-link") {
        if (created.has(operation.link.name)) again.add(operation.link.name);
        created.add(operation.link.name);
      }
      return !(operation.op === "put-fdb" && again.has(operation.entry.iface));
    };
  }),
  withOperations("routes of the backend before stay, and win", () => {
    const devices = new Map<string, string>();
    return (operation) => {
      if (operation.op !== "put-route") return true;
      const { dst, iface } = operation.route;
      const first = devices.get(dst) ?? iface;
      devices.set(dst, first);
      return first === iface;
    };
  }),
  {
    name: "a node that was paused renews its lease over its successor",
    // Few subnets, and nodes that lose theirs, so that one gets what another had.
    options: { store: "etcd", subnets: 4, focus: ["pause", "expire", "release", "reboot"] },
    replacements: {
      store: (store, host, server) => {
        const etcd = etcdOf(server);
        return storeWith(store, {
          holdUntilLost: ({ lease }, signal) => holdForEver(etcd, host, lease, signal),
        });
      },
    },
  },
];

function etcdOf(store: SimulatedStore): SimulatedEtcdStore {
  if (!(store instanceof SimulatedEtcdStore))
    throw new TypeError(`this is a bug on etcd, not on ${store.kind}`);
  return store;
}

function byKey({ leases }: LeaseSnapshot): ReadonlyMap<string, Lease> {
  return new Map(leases.map((lease) => [lease.key, lease]));
}

function applyChanges(
  view: Map<string, Lease>,
  before: ReadonlyMap<string, Lease>,
  now: ReadonlyMap<string, Lease>,
): void {
  for (const key of before.keys()) if (!now.has(key)) view.delete(key);
  for (const [key, lease] of now) view.set(key, lease);
}
