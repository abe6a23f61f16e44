/** A part with a bug, in place of the product's own: the oracle must notice it. */
import type { Kernel } from "../../src/kernel/kernel.ts";
import type { Operation, Outcome } from "../../src/kernel/operation.ts";
import type { Lease, LeaseSnapshot } from "../../src/lease/lease.ts";
import type { LeaseStore } from "../../src/lease/store.ts";
import type { HistoryOptions } from "./history.ts";
import type { Replacements } from "./replacements.ts";
import type { StoreHost } from "./store.ts";
import { storeWith } from "./store-with.ts";

export interface FaultyPart {
  readonly name: string;
  /** Of the histories, where they differ from those of the file store with 80 steps on 3 nodes. */
  readonly options?: Partial<HistoryOptions>;
  readonly replacements: Replacements;
}

type View = (snapshot: LeaseSnapshot) => readonly Lease[];

/** @param viewOf what the daemon takes for the leases of a snapshot */
export function withView(
  name: string,
  viewOf: (host: StoreHost, store: LeaseStore) => View,
  options: Partial<HistoryOptions> = {},
): FaultyPart {
  const store = (real: LeaseStore, host: StoreHost): LeaseStore => {
    const view = viewOf(host, real);
    return storeWith(real, {
      snapshots: async function* (signal) {
        for await (const snapshot of real.snapshots(signal)) yield { ...snapshot, leases: view(snapshot) };
      },
    });
  };
  return { name, options, replacements: { store } };
}

/** @param isDoneOn whether an operation is carried out; others succeed without effect */
export function withOperations(name: string, isDoneOn: () => (operation: Operation) => boolean): FaultyPart {
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

export function bound(kernel: Kernel): Kernel {
  return {
    observe: () => kernel.observe(),
    observeRules: () => kernel.observeRules(),
    ping: () => kernel.ping(),
    apply: (wanted) => kernel.apply(wanted),
    routeTo: (ip) => kernel.routeTo(ip),
    subscribe: (onChange, signal) => kernel.subscribe(onChange, signal),
  };
}
