import type { LeaseStore } from "../../src/lease/store.ts";

/** The store with some of its parts replaced. */
export function storeWith(store: LeaseStore, different: Partial<LeaseStore>): LeaseStore {
  return new Proxy(store, {
    get(target, name) {
      const value = Reflect.get(different, name) ?? Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
