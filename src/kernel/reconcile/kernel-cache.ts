/** Objects of the kernel by key: what the stages compare the desired state with. */
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
  /** As they were read last. */
  rules: readonly ObservedRule[] = [];
  /** Values written by this process, by path; they are in no dump. */
  readonly sysctls = new Map<string, string>();
  /** Devices made by this process, which are ours also while they have no address yet. */
  readonly created = new Set<string>();
  readonly #concerns: (iface: string) => boolean;

  /** @param concerns whether neighbours and FDB entries of an interface are worth keeping */
  constructor(concerns: (iface: string) => boolean) {
    this.#concerns = concerns;
  }

  /** Takes over a dump whole. */
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
      // Of several with one key the first carries the packets, and a replace takes the first.
      if (!this.routes.has(key)) this.routes.set(key, route);
    }
  }

  /** A device goes, and everything on it. */
  removeDevice(name: string): void {
    this.links.delete(name);
    // Of other interfaces neither FDB entries nor neighbours are kept, and there may be thousands.
    const paths = this.#concerns(name) ? [this.fdb, this.neighbours] : [];
    for (const map of [this.addresses, this.routes, ...paths]) {
      for (const [key, object] of map) if (object.iface === name) map.delete(key);
    }
    this.#forgetDevice(name);
  }

  /** Whether the interface has an address that is of use beyond its own link. */
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

  /** A new device starts with the kernel's defaults and is not the one that was made here. */
  #forgetDevice(name: string): void {
    this.created.delete(name);
    this.sysctls.clear();
  }
}
