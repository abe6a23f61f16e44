/**
 * Parts with known bugs of overlay networks, and with bugs made by hand, one for each invariant and promise. The oracle
 * must notice every one of them.
 */
import type { Kernel } from "../../src/kernel/kernel.ts";
import type { Operation, Outcome } from "../../src/kernel/operation.ts";
import type { Lease, LeaseSnapshot } from "../../src/lease/lease.ts";
import type { LeaseStore } from "../../src/lease/store.ts";
import { parseIpv4 } from "../../src/net/index.ts";
import type { Replacements } from "./replacements.ts";
import type { StoreHost } from "./store.ts";

export interface FaultyPart {
  readonly name: string;
  readonly replacements: Replacements;
}

/** Bugs that overlay networks have had. */
export const KNOWN_BUGS: readonly FaultyPart[] = [
  snapshots("a watcher resumes at the head after it was away", (_host, store) => {
    const view = new Map<string, Lease>();
    let last: ReadonlyMap<string, Lease> = new Map();
    let wasAway = false;
    store.health.onChange(() => {
      wasAway ||= store.health.outage !== null;
    });
    return (snapshot) => {
      const now = byKey(snapshot);
      // What changed meanwhile is never told.
      if (!wasAway || last.size === 0) applyChanges(view, last, now);
      if (store.health.outage === null) wasAway = false;
      last = now;
      return [...view.values()];
    };
  }),
  snapshots("deltas in place of snapshots, and one lost delete", () => {
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
  operations("a device that was created again has no peers", () => {
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
  operations("routes of the backend before stay, and win", () => {
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
    name: "a node that was paused goes on with a lease that is another's",
    replacements: {
      store: (store) =>
        wrapped(store, {
          holdUntilLost: (_held, signal) =>
            new Promise((_, reject) => {
              signal.addEventListener("abort", () => reject(signal.reason), { once: true });
            }),
        }),
    },
  },
];

/** One for each invariant and promise. */
export const MUTATIONS: readonly FaultyPart[] = [
  snapshots("the ends of two peers are exchanged", (host) => (snapshot) => {
    const [first, second, ...others] = snapshot.leases;
    if (host.name !== "node1" || first === undefined || second === undefined) return snapshot.leases;
    return [{ ...first, publicIps: second.publicIps }, { ...second, publicIps: first.publicIps }, ...others];
  }),
  snapshots("a lease that is gone stays", () => {
    const all = new Map<string, Lease>();
    return ({ leases }) => {
      for (const lease of leases) all.set(lease.key, lease);
      return [...all.values()];
    };
  }),
  snapshots("one peer is left out", ({ name }) => ({ leases }) => {
    const isLeft = ({ identity }: Lease) => name === "node2" && identity?.hostName === "node3";
    return leases.filter((lease) => !isLeft(lease));
  }),
  snapshots("a lease without identity is the oldest, and has the first one's address", () => ({ leases }) => {
    const victim = leases.find(({ identity }) => identity !== undefined);
    return leases.map((lease) =>
      lease.identity !== undefined || victim === undefined
        ? lease
        : {
            ...lease,
            claimedAt: 0n,
            subnets: victim.subnets,
            publicIps: { v4: parseIpv4("192.0.2.230"), v6: null },
          },
    );
  }),
  snapshots("offers are read in the wrong order", ({ name }) => ({ leases }) => {
    return leases.map((lease) => {
      const [first, ...others] = lease.offers.toReversed();
      return name !== "node1" || first === undefined ? lease : { ...lease, offers: [first, ...others] };
    });
  }),
  {
    name: "a store that is away has no leases",
    replacements: {
      store: (store) => wrapped(store, { snapshots: (signal) => emptyWhileAway(store, signal) }),
    },
  },
  {
    name: "an unreadable key ends the daemon",
    replacements: {
      store: (store) =>
        wrapped(store, {
          snapshots: async function* (signal) {
            for await (const snapshot of store.snapshots(signal)) {
              if (snapshot.junk.length > 0) throw new RangeError("an unreadable key");
              yield snapshot;
            }
          },
        }),
    },
  },
  operations(
    "neighbours are not written",
    () =>
      ({ op }) =>
        op !== "put-neighbour",
  ),
  operations("addresses of devices are not written, nor FDB entries changed", () => {
    const macs = new Set<string>();
    return (operation) => {
      if (operation.op !== "put-fdb") return true;
      const { iface, mac } = operation.entry;
      const isFirst = !macs.has(`${iface} ${mac}`);
      macs.add(`${iface} ${mac}`);
      return isFirst;
    };
  }),
  operations(
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
];

type View = (snapshot: LeaseSnapshot) => readonly Lease[];

function snapshots(name: string, viewOf: (host: StoreHost, store: LeaseStore) => View): FaultyPart {
  const store = (real: LeaseStore, host: StoreHost): LeaseStore => {
    const view = viewOf(host, real);
    return wrapped(real, {
      snapshots: async function* (signal) {
        for await (const snapshot of real.snapshots(signal)) yield { ...snapshot, leases: view(snapshot) };
      },
    });
  };
  return { name, replacements: { store } };
}

/** @param isDone whether an operation is carried out; others succeed without effect */
function operations(name: string, isDoneOn: () => (operation: Operation) => boolean): FaultyPart {
  const kernel = (real: Kernel): Kernel => {
    const isDone = isDoneOn();
    const apply = async (wanted: readonly Operation[]): Promise<readonly Outcome[]> => {
      const done = wanted.map(isDone);
      const outcomes = [...(await real.apply(wanted.filter((_, place) => done[place])))];
      return done.map((each) => (each ? (outcomes.shift() ?? null) : null));
    };
    return { ...bound(real), apply };
  };
  return { name, replacements: { kernel } };
}

function wrapped(store: LeaseStore, different: Partial<LeaseStore>): LeaseStore {
  return new Proxy(store, {
    get(target, name) {
      const value = Reflect.get(different, name) ?? Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

function bound(kernel: Kernel): Kernel {
  return {
    observe: () => kernel.observe(),
    observeRules: () => kernel.observeRules(),
    ping: () => kernel.ping(),
    apply: (wanted) => kernel.apply(wanted),
    routeTo: (ip) => kernel.routeTo(ip),
    subscribe: (onChange, signal) => kernel.subscribe(onChange, signal),
  };
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

async function repeat({ clock }: StoreHost, ms: number, work: (count: number) => void): Promise<never> {
  for (let count = 0; ; count++) {
    work(count);
    await clock.sleep(ms);
  }
}
