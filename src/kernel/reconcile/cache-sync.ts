/**
 * Synchronises the kernel cache with the kernel. Notifications and acknowledged operations update the last dump, so
 * that a change among 5,000 peers costs a comparison, not a dump.
 *
 * Notifications repeat acknowledged operations and arrive late, but in the kernel's order, so the last one for a key is
 * correct. Some changes cause no notification (IPv4 routes vanish when their device goes down or loses its last
 * address: fib_disable_ip). A change that may have had such an effect makes the cache stale until a new dump.
 */
import { isSameData } from "../../runtime/same-data.ts";
import type { KernelChange } from "../kernel.ts";
import { addressKind } from "../objects/address.ts";
import { fdbKey } from "../objects/fdb.ts";
import { mtuKey } from "../objects/link.ts";
import { neighbourKey } from "../objects/neighbour.ts";
import { kindOf } from "../objects/operation-kinds.ts";
import { isSameNextHop, observedRouteKey } from "../objects/route.ts";
import type { ObservedLink, ObservedRoute, ObservedRule, ObservedState } from "../observed.ts";
import type { Operation } from "../operation.ts";
import { KernelCache } from "./kernel-cache.ts";

/** The parts of a path: numerous, changed often, and replaced one by one. */
type PathPart = "fdb" | "neighbour" | "route";

/** The interfaces that the cache covers. */
export interface CoveredInterfaces {
  /** True when the cache has neighbours and FDB entries of the interface. */
  isDevice(iface: string): boolean;
  /** True when a change of the interface may delete addresses or routes of ours. */
  isInvolved(iface: string): boolean;
}

export class CacheSync {
  readonly cache: KernelCache;
  readonly #covered: CoveredInterfaces;
  /** Changes during a dump, which may or may not be in it. */
  #duringRefresh: KernelChange[] | null = null;
  /** Keys of notifications since the last operations were passed to the kernel. */
  readonly #notified = new Set<string>();
  #isStale = true;
  #areRulesStale = false;

  constructor(covered: CoveredInterfaces) {
    this.#covered = covered;
    this.cache = new KernelCache((iface) => covered.isDevice(iface));
  }

  /** True when something may have changed that only a new dump shows. */
  get isStale(): boolean {
    return this.#isStale;
  }

  /** True when rules or their tables have changed since they were read. */
  get areRulesStale(): boolean {
    return this.#areRulesStale;
  }

  invalidate(): void {
    this.#isStale = true;
  }

  /** Replaces the cache by a new dump. It stays stale when that fails, or when changes during the dump make it so. */
  async refresh(observe: () => Promise<ObservedState>): Promise<void> {
    const missed: KernelChange[] = [];
    this.#duringRefresh = missed;
    try {
      this.cache.load(await observe());
      this.#isStale = false;
      this.#areRulesStale = false;
    } finally {
      this.#duringRefresh = null;
    }
    for (const change of missed) this.apply(change);
  }

  async refreshRules(observe: () => Promise<readonly ObservedRule[]>): Promise<void> {
    // Reset before the read, so that a change during it makes them stale again.
    this.#areRulesStale = false;
    this.cache.rules = await observe();
  }

  /** The next dump replaces the cache. */
  expire(): void {
    this.#isStale = true;
  }

  /** Call before operations are passed to the kernel. */
  expectAcknowledgements(): void {
    this.#notified.clear();
  }

  /**
   * Updates the cache after an operation that succeeded. A notification for its key that arrived meanwhile is at least
   * as new, and may show that another program has already undone the operation.
   */
  acknowledge(operation: Operation): void {
    const kind = kindOf(operation);
    const key = kind.notifiedKey(operation);
    if (key !== null && this.#notified.has(key)) return;
    kind.acknowledge(this.cache, operation);
    // Only a dump shows a new device's index, and the routes that were deleted with an address.
    if (operation.op === "create-link" || operation.op === "delete-address") this.#isStale = true;
  }

  /** Updates the cache with a notification; false when it changes nothing. */
  apply(change: KernelChange): boolean {
    this.#duringRefresh?.push(change);
    const { cache } = this;
    switch (change.kind) {
      case "overrun":
        this.#isStale = true;
        return true;
      case "link":
        return this.#applyLink(change.link, change.gone);
      case "address": {
        const { address } = change;
        if (change.gone && this.#covered.isInvolved(address.iface)) this.#isStale = true;
        return applyTo(cache.addresses, addressKind.keyOfObserved(address), address, change.gone);
      }
      case "fdb": {
        const { entry } = change;
        return (
          this.#covered.isDevice(entry.iface) &&
          this.#update("fdb", cache.fdb, fdbKey(entry), entry, change.gone)
        );
      }
      case "neighbour": {
        const { entry } = change;
        const key = neighbourKey(entry.iface, entry.ip);
        return (
          this.#covered.isDevice(entry.iface) &&
          this.#update("neighbour", cache.neighbours, key, entry, change.gone)
        );
      }
      case "route":
        return this.#applyRoute(change.route, change.gone);
      case "rules": {
        const { table } = change;
        if (table !== null && !cache.rules.some((rule) => rule.table === table)) return false;
        this.#areRulesStale = true;
        return true;
      }
    }
  }

  #update<T>(part: PathPart, objects: Map<string, T>, key: string, object: T, gone: boolean): boolean {
    this.#notified.add(`${part} ${key}`);
    return applyTo(objects, key, object, gone);
  }

  #applyRoute(route: ObservedRoute, gone: boolean): boolean {
    const { routes } = this.cache;
    const key = observedRouteKey(route);
    const have = routes.get(key);
    // A late notification of a route whose replacement was already acknowledged.
    if (gone && have !== undefined && !isSameNextHop(have, route)) return false;
    return this.#update("route", routes, key, route, gone);
  }

  #applyLink(link: ObservedLink, gone: boolean): boolean {
    const { cache } = this;
    const renamed = [...cache.links.values()].find(
      (have) => have.index === link.index && have.name !== link.name,
    );
    if (renamed !== undefined) this.#removeLink(renamed.name);

    const have = cache.links.get(link.name);
    if (gone) {
      // A late notification of a device that the present one replaced.
      if (have?.index !== link.index) return renamed !== undefined;
      this.#removeLink(link.name);
      return true;
    }
    this.#notified.add(mtuKey(link.name));
    if (have !== undefined && isSameData(have, link)) return false;
    cache.links.set(link.name, link);
    if (this.#covered.isInvolved(link.name) && !isSameButForMtu(have, link)) this.#isStale = true;
    return true;
  }

  #removeLink(name: string): void {
    this.cache.removeDevice(name);
    if (this.#covered.isInvolved(name)) this.#isStale = true;
  }
}

/** True when the change cannot have deleted addresses, neighbours or routes. */
function isSameButForMtu(have: ObservedLink | undefined, link: ObservedLink): boolean {
  const { mtuBytes, hasCarrier } = link;
  return have !== undefined && isSameData({ ...have, mtuBytes, hasCarrier }, link);
}

function applyTo<T>(objects: Map<string, T>, key: string, object: T, gone: boolean): boolean {
  if (gone) return objects.delete(key);
  if (isSameData(objects.get(key), object)) return false;
  objects.set(key, object);
  return true;
}
