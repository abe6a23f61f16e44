/** Bugs made by hand, one at least for each invariant and promise. */
import type { Operation } from "../../src/kernel/operation.ts";
import type { Lease, LeaseSnapshot } from "../../src/lease/lease.ts";
import type { LeaseStore } from "../../src/lease/store.ts";
import { parseIpv4, parseIpv4Prefix } from "../../src/net/index.ts";
import { bound, type FaultyPart, withOperations, withView } from "./faulty-part.ts";
import type { StoreHost } from "./store.ts";
import { storeWith } from "./store-with.ts";

/** No host has it. */
const STRANGER = parseIpv4("192.0.2.230");

export const MUTATIONS: readonly FaultyPart[] = [
  withView("the ends of two peers are exchanged", (host) => (snapshot) => {
    const [first, second, ...others] = snapshot.leases;
    if (host.name !== "node1" || first === undefined || second === undefined) return snapshot.leases;
    return [{ ...first, publicIps: second.publicIps }, { ...second, publicIps: first.publicIps }, ...others];
  }),
  withView("a lease that is gone stays", () => {
    const all = new Map<string, Lease>();
    return ({ leases }) => {
      for (const lease of leases) all.set(lease.key, lease);
      return [...all.values()];
    };
  }),
  withView("one peer is left out", ({ name }) => ({ leases }) => {
    const isLeft = ({ identity }: Lease) => name === "node2" && identity?.hostName === "node3";
    return leases.filter((lease) => !isLeft(lease));
  }),
  withView("a lease without identity is the oldest, and has the first one's address", () => ({ leases }) => {
    const victim = leases.find(({ identity }) => identity !== undefined);
    return leases.map((lease) =>
      lease.identity !== undefined || victim === undefined
        ? lease
        : {
            ...lease,
            claimedAt: 0n,
            subnets: victim.subnets,
            publicIps: { v4: STRANGER, v6: null },
          },
    );
  }),
  withView("offers are read in the wrong order", ({ name }) => ({ leases }) => {
    return leases.map((lease) => {
      const [first, ...others] = lease.offers.toReversed();
      return name !== "node1" || first === undefined ? lease : { ...lease, offers: [first, ...others] };
    });
  }),
  {
    name: "a store that is away has no leases",
    replacements: {
      store: (store) =>
        storeWith(store, {
          snapshots: (signal) => emptyWhileAway(store, signal),
          list: async (signal) => (store.health.outage === null ? store.list(signal) : []),
        }),
    },
  },
  {
    name: "an unreadable key ends the daemon",
    replacements: {
      store: (store) =>
        storeWith(store, {
          snapshots: async function* (signal) {
            for await (const snapshot of store.snapshots(signal)) {
              if (snapshot.junk.length > 0) throw new RangeError("an unreadable key");
              yield snapshot;
            }
          },
        }),
    },
  },
  withOperations(
    "neighbours are not written",
    () =>
      ({ op }) =>
        op !== "put-neighbour",
  ),
  withOperations("addresses of devices are not written, nor FDB entries changed", () => {
    const macs = new Set<string>();
    return (operation) => {
      if (operation.op !== "put-fdb") return true;
      const { iface, mac } = operation.entry;
      const isFirst = !macs.has(`${iface} ${mac}`);
      macs.add(`${iface} ${mac}`);
      return isFirst;
    };
  }),
  withOperations(
    "stale routes are not removed",
    () =>
      ({ op }) =>
        op !== "delete-route",
  ),
  {
    name: "a route of another program is removed",
    replacements: {
      kernel: (kernel) => ({
        ...bound(kernel),
        apply: async (wanted) => {
          const outcomes = await kernel.apply(wanted);
          await kernel.apply([
            { op: "delete-address", address: { iface: "docker0", ip: parseIpv4("172.17.0.1"), length: 16 } },
          ]);
          return outcomes;
        },
      }),
    },
  },
  {
    name: "a new backend takes the place of the former at once",
    replacements: {
      kernel: (kernel) => ({
        ...bound(kernel),
        apply: async (wanted) => {
          const created = wanted.flatMap((each) => (each.op === "create-link" ? each.link.name : []));
          if (created.length > 0) await kernel.apply(formerDevices(created));
          return kernel.apply(wanted);
        },
      }),
    },
  },
  {
    name: "notifications are ignored",
    replacements: { kernel: (kernel) => ({ ...bound(kernel), subscribe: async () => {} }) },
  },
  {
    name: "a daemon that ends removes its routes",
    replacements: {
      onDaemonEnd: (kernel) => {
        for (const { dst, iface, metric, ...route } of kernel.routes) {
          if (iface === null || iface === "cni0" || !dst.startsWith("10.24")) continue;
          kernel.execute({ op: "delete-route", route: { ...route, dst, iface }, metric });
        }
      },
    },
  },
  {
    name: "a lease that was lost is not acquired again",
    replacements: {
      store: (store) => {
        let isLost = false;
        return storeWith(store, {
          holdUntilLost: async (held, signal) => {
            const reason = await store.holdUntilLost(held, signal);
            isLost = true;
            return reason;
          },
          acquire: (request, signal) => (isLost ? new Promise(() => {}) : store.acquire(request, signal)),
        });
      },
    },
  },
  {
    name: "the packet filter accepts anybody for a node's pods",
    replacements: {
      firewall: (firewall) => ({
        ...firewall,
        setDesired: (rules, ...others) => {
          const { packetFilter } = rules;
          if (packetFilter?.vxlan == null) return firewall.setDesired(rules, ...others);
          const senders = packetFilter.vxlan.senders.map(({ inner }) => ({ inner, outer: STRANGER }));
          const vxlan = { ...packetFilter.vxlan, senders: [...packetFilter.vxlan.senders, ...senders] };
          firewall.setDesired({ ...rules, packetFilter: { ...packetFilter, vxlan } }, ...others);
        },
      }),
    },
  },
  {
    name: "a line for each second with a text of its own",
    replacements: {
      store: (store, host) => {
        void repeat(host, 100, (count) => host.log.warn({ op: "test" }, `line ${count}`));
        return store;
      },
    },
  },
  {
    name: "timers that are never cancelled",
    replacements: {
      store: (store, host) => {
        void repeat(host, 1_000, () => void host.clock.sleep(100_000_000).catch(() => {}));
        return store;
      },
    },
  },
  {
    name: "a mass withdrawal is confirmed by the watch that reported it",
    replacements: {
      store: (store) => {
        let last: LeaseSnapshot = { leases: [], junk: [] };
        return storeWith(store, {
          snapshots: async function* (signal) {
            for await (const snapshot of store.snapshots(signal)) {
              last = snapshot;
              yield snapshot;
            }
          },
          list: async () => last.leases,
        });
      },
    },
  },
  {
    name: "routes reach beyond the network",
    replacements: {
      kernel: (kernel) => ({
        ...bound(kernel),
        apply: async (wanted) => {
          const outcomes = await kernel.apply(wanted);
          await kernel.apply(wanted.flatMap(widened));
          return outcomes;
        },
      }),
    },
  },
];

async function* emptyWhileAway(store: LeaseStore, signal: AbortSignal): AsyncGenerator<LeaseSnapshot, void> {
  const real = store.snapshots(signal)[Symbol.asyncIterator]();
  let next = real.next();
  for (;;) {
    const away = new Promise<"away">((resolve) => {
      store.health.onChange(() => {
        if (store.health.outage !== null) resolve("away");
      });
    });
    const first = await Promise.race([next, away]);
    if (first === "away") {
      yield { leases: [], junk: [] };
      continue;
    }
    if (first.done) return;
    next = real.next();
    yield first.value;
  }
}

function formerDevices(created: readonly string[]): readonly Operation[] {
  return ["flannel.1", "flannel.7", "flannel.ipip"]
    .filter((name) => !created.includes(name))
    .map((name) => ({ op: "delete-link", name }));
}

function widened(operation: Operation): readonly Operation[] {
  if (operation.op !== "put-route" || operation.route.via === null) return [];
  return [{ ...operation, route: { ...operation.route, dst: parseIpv4Prefix("10.0.0.0/8") } }];
}

async function repeat({ clock }: StoreHost, ms: number, work: (count: number) => void): Promise<never> {
  for (let count = 0; ; count++) {
    work(count);
    await clock.sleep(ms);
  }
}
