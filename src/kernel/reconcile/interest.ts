import type { KernelChange } from "../kernel.ts";
import type { ObservedRoute } from "../observed.ts";
import { ROUTE_PROTOCOL } from "../state.ts";
import type { DesiredIndex } from "./desired-index.ts";
import type { Ownership } from "./ownership.ts";
import { fdbPlace, neighbourPlace, observedRoutePlace } from "./place.ts";

/** Which of a busy host's changes matter: a pod that starts makes a dozen that do not. */
export class Interest {
  #ownership: Ownership;
  #desired: DesiredIndex | null = null;

  constructor(ownership: Ownership) {
    this.#ownership = ownership;
  }

  /** True when interfaces came into view whose neighbours and entries were passed over until now. */
  follow(desired: DesiredIndex, ownership: Ownership): boolean {
    const isWider = [...desired.links.keys()].some((name) => !this.isDevice(name));
    this.#desired = desired;
    this.#ownership = ownership;
    return isWider;
  }

  /** True for a device that is or may be ours: its neighbours and FDB entries count. */
  isDevice(iface: string): boolean {
    return this.#ownership.deviceName.test(iface) || this.#desired?.links.has(iface) === true;
  }

  /** True also for the underlay's interfaces: when they or their addresses go, routes of ours go along. */
  isInvolved(iface: string): boolean {
    return this.isDevice(iface) || this.#desired?.ifaces.has(iface) === true;
  }

  /** True for a change that may call for a pass. */
  concerns(change: KernelChange): boolean {
    switch (change.kind) {
      case "overrun":
        return true;
      case "link":
        return this.isInvolved(change.link.name);
      case "address":
        return this.isInvolved(change.address.iface);
      case "fdb": {
        const { entry } = change;
        return this.isDevice(entry.iface) && (entry.isPermanent || this.#wants("fdb", fdbPlace(entry)));
      }
      case "neighbour": {
        const { iface, ip, isPermanent } = change.entry;
        return this.isDevice(iface) && (isPermanent || this.#wants("neighbours", neighbourPlace(iface, ip)));
      }
      case "route":
        return this.#isOnOurSide(change.route) || this.#wantsRoute(change.route);
    }
  }

  /** True for a change of what the tunnels run over. */
  isUnderlay(change: KernelChange): boolean {
    switch (change.kind) {
      case "link":
        return !this.isDevice(change.link.name);
      case "address":
        return !this.isDevice(change.address.iface);
      case "route":
        return !this.#isOnOurSide(change.route);
      default:
        return false;
    }
  }

  #isOnOurSide({ iface, protocol }: ObservedRoute): boolean {
    return protocol === ROUTE_PROTOCOL.tweed || (iface !== null && this.isDevice(iface));
  }

  /** Also others' routes to where ours lead, of whatever metric. */
  #wantsRoute(route: ObservedRoute): boolean {
    if (this.#desired?.destinations.has(route.dst)) return true;
    return this.#wants("blackholes", observedRoutePlace(route));
  }

  #wants(kind: "fdb" | "neighbours" | "blackholes", place: string): boolean {
    return this.#desired?.[kind].has(place) === true;
  }
}
