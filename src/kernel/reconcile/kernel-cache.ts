/** Objects of the kernel by key, with which the stages compare the desired state. */
import { addressKind } from "../objects/address.ts";
import { fdbKey } from "../objects/fdb.ts";
import { neighbourKey } from "../objects/neighbour.ts";
import { observedRouteKey } from "../objects/route.ts";
import {
  NO_INDEX,
  type ObservedAddress,
  type ObservedFdb,
  type ObservedLink,
  type ObservedNeighbour,
  type ObservedRoute,
  type ObservedRule,
  type ObservedState,
} from "../observed.ts";

export class KernelCache {
  readonly links = new Map<string, ObservedLink>();
  readonly addresses = new Map<string, ObservedAddress>();
  readonly fdb = new Map<string, ObservedFdb>();
  readonly neighbours = new Map<string, ObservedNeighbour>();
  readonly routes = new Map<string, ObservedRoute>();
  /** As of the last read. */
  rules: readonly ObservedRule[] = [];
  /** Values written by this process, by path; dumps do not include them. */
  readonly sysctls = new Map<string, string>();
  /** Devices created by this process, which are ours even before they have an address. */
  readonly created = new Set<string>();
  readonly #concerns: (iface: string) => boolean;

  /** @param concerns whether to cache neighbours and FDB entries of an interface */
  constructor(concerns: (iface: string) => boolean) {
    this.#concerns = concerns;
  }

  /** Replaces the contents by a dump. */
  load(observed: ObservedState): void {
    const former = new Map(this.links);
    for (const map of [this.links, this.addresses, this.fdb, this.neighbours, this.routes]) map.clear();
    for (const link of observed.links) {
      this.links.set(link.name, link);
      const index = former.get(link.name)?.index;
      if (index !== link.index && index !== NO_INDEX) this.#forgetDevice(link.name);
    }
    for (const name of former.keys()) if (!this.links.has(name)) this.#forgetDevice(name);
    this.rules = observed.rules ?? [];
    for (const address of observed.addresses) this.addresses.set(addressKind.keyOfObserved(address), address);
    for (const entry of observed.fdb) {
      if (this.#concerns(entry.iface)) this.fdb.set(fdbKey(entry), entry);
    }
    for (const entry of observed.neighbours) {
      if (this.#concerns(entry.iface)) this.neighbours.set(neighbourKey(entry.iface, entry.ip), entry);
    }
    for (const route of observed.routes) {
      const key = observedRouteKey(route);
      // Of several with one key the kernel uses the first, and a replace replaces the first.
      if (!this.routes.has(key)) this.routes.set(key, route);
    }
  }

  /** Removes a device and all its objects. */
  removeDevice(name: string): void {
    this.links.delete(name);
    // Other interfaces have no cached FDB entries or neighbours, and there may be thousands of interfaces.
    const paths = this.#concerns(name) ? [this.fdb, this.neighbours] : [];
    for (const map of [this.addresses, this.routes, ...paths]) {
      for (const [key, object] of map) if (object.iface === name) map.delete(key);
    }
    this.#forgetDevice(name);
  }

  /** Whether the interface has an address that is not link-local. */
  hasAddress(iface: string): boolean {
    for (const address of this.addresses.values()) {
      if (address.iface === iface && !address.isLinkLocal) return true;
    }
    return false;
  }

  removeNeighboursOf(iface: string): void {
    for (const [key, entry] of this.neighbours) if (entry.iface === iface) this.neighbours.delete(key);
  }

  toObserved(): ObservedState {
    return {
      links: [...this.links.values()],
      addresses: [...this.addresses.values()],
      fdb: [...this.fdb.values()],
      neighbours: [...this.neighbours.values()],
      routes: [...this.routes.values()],
      rules: this.rules,
    };
  }

  /** A new device has the kernel's defaults, and is not the one that was created here. */
  #forgetDevice(name: string): void {
    this.created.delete(name);
    this.sysctls.clear();
  }
}
