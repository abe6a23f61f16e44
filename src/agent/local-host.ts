/** Puts together what backends need to know of this machine. Pure. */
import type { LocalHost, UnderlayRoute } from "../../backends/backend.ts";
import type { NetworkConfig } from "../config/network-config.ts";
import type { ObservedLink, ObservedRoute } from "../kernel/observed.ts";
import { ROUTE_PROTOCOL } from "../kernel/state.ts";
import type { LeaseContent } from "../lease/lease.ts";
import { containsPrefix, FAMILIES, type Family, type Mac, type Prefix, randomMac } from "../net/index.ts";
import type { Random } from "../runtime/random.ts";
import type { ActiveBackend } from "./active-backend.ts";

export function networksOf(config: NetworkConfig): LocalHost["networks"] {
  return { v4: config.v4?.network ?? null, v6: config.v6?.network ?? null };
}

/**
 * The MAC addresses of this node's tunnel devices, which all of them share. What the store still holds comes first,
 * since peers use it already, whichever backend is preferred now; then that of a device which an earlier daemon, or
 * flannel, left behind; then a new one.
 */
export function chooseMacs(
  lastLease: Pick<LeaseContent, "offers"> | null,
  backends: readonly Pick<ActiveBackend, "type" | "devices" | "publishedMacs">[],
  links: readonly ObservedLink[],
  random: Random,
): LocalHost["macs"] {
  const offers = lastLease?.offers ?? [];
  const published = offers.flatMap(({ type, data }) =>
    backends.filter((backend) => backend.type === type).map((backend) => backend.publishedMacs(data)),
  );
  const macOf = (family: Family) =>
    firstOf(published.map((macs) => macs[family])) ??
    firstOf(backends.map(({ devices }) => links.find((link) => link.name === devices[family])?.mac)) ??
    randomMac(random);
  return { v4: macOf("v4"), v6: macOf("v6") };
}

function firstOf(macs: readonly (Mac | null | undefined)[]): Mac | null {
  return macs.find((mac) => mac) ?? null;
}

/**
 * The routes that lead to other hosts: those of the overlay are not among them. Where hosts have addresses in the part of
 * the network that is not leased, the kernel's route to the interface's own link is one of theirs.
 * @param underlay the interface's name
 */
export function underlayRoutes(
  routes: readonly ObservedRoute[],
  networks: LocalHost["networks"],
  underlay: string,
): readonly UnderlayRoute[] {
  const isOverlay = (dst: Prefix) =>
    FAMILIES.some((family) => {
      const network = networks[family];
      return network !== null && containsPrefix(network, dst);
    });
  const isOwnLink = ({ protocol, iface }: ObservedRoute) =>
    protocol === ROUTE_PROTOCOL.kernel && iface === underlay;
  return routes.flatMap((route) => {
    const { dst, via, iface, metric } = route;
    return iface === null || (isOverlay(dst) && !isOwnLink(route)) ? [] : [{ dst, via, iface, metric }];
  });
}
