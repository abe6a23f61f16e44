import { containsPrefix, parsePrefix, prefixLength } from "../../net/index.ts";
import type { KernelChange } from "../kernel.ts";
import { fdbKey } from "../objects/fdb.ts";
import { neighbourKey } from "../objects/neighbour.ts";
import { observedRouteKey } from "../objects/route.ts";
import type { ObservedLink, ObservedRoute } from "../observed.ts";
import { ROUTE_PROTOCOL } from "../state.ts";
import type { DesiredIndex } from "./desired-index.ts";
import type { Ownership } from "./ownership.ts";
import { upTo } from "./removal-order.ts";

/** Every IPv6 interface, also a pod's, has such a route and such an address, which are valid on its own link only. */
const LINK_LOCAL = parsePrefix("fe80::/10");

/** Selects the relevant changes of a busy host: each new pod causes a dozen irrelevant ones. */
export class ChangeFilter {
  #ownership: Ownership;
  #desired: DesiredIndex | null = null;

  constructor(ownership: Ownership) {
    this.#ownership = ownership;
  }

  /** Sets the desired state. True when it covers interfaces whose neighbours and FDB entries were ignored until now. */
  follow(desired: DesiredIndex, ownership: Ownership): boolean {
    const isWider = [...desired.links.keys()].some((name) => !this.isDevice(name));
    this.#desired = desired;
    this.#ownership = ownership;
    return isWider;
  }

  /** True for a device that is or may be ours: its neighbours and FDB entries are relevant. */
  isDevice(iface: string): boolean {
    return this.#ownership.deviceName.test(iface) || this.#desired?.links.has(iface) === true;
  }

  /** True also for the underlay's interfaces: with them or their addresses, routes of ours are deleted. */
  isInvolved(iface: string): boolean {
    return this.isDevice(iface) || this.#desired?.ifaces.has(iface) === true;
  }

  /** True for a change that requires a pass. */
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
        return this.isDevice(entry.iface) && (entry.isPermanent || this.#wants("fdb", fdbKey(entry)));
      }
      case "neighbour": {
        const { iface, ip, isPermanent } = change.entry;
        return this.isDevice(iface) && (isPermanent || this.#wants("neighbours", neighbourKey(iface, ip)));
      }
      case "route":
        return this.#isOnOurSide(change.route) || this.#wantsRoute(change.route);
      case "rules":
        return false;
    }
  }

  /** True for foreign routes and rules that may divert packets from routes of ours without replacing them. */
  mayDivert(change: KernelChange): boolean {
    return change.kind === "rules" || (change.kind === "route" && this.#isInside(change.route));
  }

  /**
   * True for a change of the underlay, or of an interface that may become it. A virtual device without an address that
   * other hosts can reach cannot: each pod creates and deletes one.
   * @param hasAddress whether an interface has, or had until now, an address that is not link-local
   */
  isUnderlay(change: KernelChange, hasAddress: (iface: string) => boolean): boolean {
    switch (change.kind) {
      case "link":
        return !this.isDevice(change.link.name) && this.#mayCarry(change.link, hasAddress);
      case "address": {
        const { iface, isLinkLocal } = change.address;
        return !this.isDevice(iface) && (!isLinkLocal || this.isInvolved(iface));
      }
      case "route":
        return !this.#isOnOurSide(change.route) && !this.#staysOnLink(change.route);
      default:
        return false;
    }
  }

  #mayCarry({ name, kind }: ObservedLink, hasAddress: (iface: string) => boolean): boolean {
    return kind === null || this.isInvolved(name) || hasAddress(name);
  }

  #staysOnLink({ dst, iface }: ObservedRoute): boolean {
    return containsPrefix(LINK_LOCAL, dst) && !(iface !== null && this.isInvolved(iface));
  }

  #isOnOurSide({ iface, protocol }: ObservedRoute): boolean {
    return protocol === ROUTE_PROTOCOL.tweed || (iface !== null && this.isDevice(iface));
  }

  /** Includes foreign routes to desired destinations, of any metric. */
  #wantsRoute(route: ObservedRoute): boolean {
    return (
      this.#desired?.destinations.has(route.dst) === true ||
      this.#wants("blackholes", observedRouteKey(route))
    );
  }

  /** Whether its destination is within a desired one. */
  #isInside(route: ObservedRoute): boolean {
    const destinations = this.#desired?.destinations;
    if (destinations === undefined) return false;
    const network = this.#ownership.networks.find((each) => containsPrefix(each, route.dst));
    if (network === undefined) return false;
    return upTo(route.dst, prefixLength(network)).some((wider) => destinations.has(wider));
  }

  #wants(kind: "fdb" | "neighbours" | "blackholes", key: string): boolean {
    return this.#desired?.[kind].has(key) === true;
  }
}
