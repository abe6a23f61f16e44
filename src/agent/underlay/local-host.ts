/** Puts together what backends need to know of this machine. Pure. */
import type { LocalHost, UnderlayRoute } from "../../../backends/backend.ts";
import type { NetworkConfig } from "../../config/network-config.ts";
import type { ObservedAddress, ObservedRoute, ObservedState } from "../../kernel/observed.ts";
import { DEVICE_NAME } from "../../kernel/reconcile/ownership.ts";
import { ROUTE_PROTOCOL } from "../../kernel/state.ts";
import {
  containsPrefix,
  FAMILIES,
  type Ip,
  ipFromBits,
  isIpv4,
  type Prefix,
  prefixOf,
  prefixRange,
} from "../../net/index.ts";

export function networksOf(config: NetworkConfig): LocalHost["networks"] {
  return { v4: config.v4?.network ?? null, v6: config.v6?.network ?? null };
}

/** Bridges of flannel's and of its CNI configuration: their routes lead to pods of this host. */
const BRIDGE_OF_PODS = "cni0";

/**
 * Addresses on the interface's link that the kernel takes for no neighbour's: as a gateway it refuses them
 * (fib_check_nh_v4_gw, ip6_route_check_nh), and what is sent to them goes to this host or to everybody.
 */
export function nobodysIps(addresses: readonly ObservedAddress[], iface: string): readonly Ip[] {
  const ips = addresses
    .filter((address) => address.iface === iface)
    .flatMap(({ ip, length }) => (isIpv4(ip) && length <= 30 ? [ip, broadcastOf(ip, length)] : [ip]));
  return [...new Set(ips)].sort();
}

function broadcastOf(ip: Ip, length: number): Ip {
  return ipFromBits("v4", prefixRange(prefixOf(ip, length)).last);
}

/**
 * The routes that lead to other hosts: those of the overlay are not among them. Inside the networks only those are that
 * no program of an overlay makes: of the links' own addresses, from DHCP, from advertisements, of an administrator who
 * says so ("proto static").
 */
export function underlayRoutes(
  { routes, links }: Pick<ObservedState, "routes" | "links">,
  networks: LocalHost["networks"],
): readonly UnderlayRoute[] {
  const isInside = (dst: Prefix) =>
    FAMILIES.some((family) => {
      const network = networks[family];
      return network !== null && containsPrefix(network, dst);
    });
  const isOverlay = ({ dst, protocol }: ObservedRoute, iface: string) =>
    isInside(dst) &&
    (protocol === ROUTE_PROTOCOL.boot ||
      protocol === ROUTE_PROTOCOL.tweed ||
      DEVICE_NAME.test(iface) ||
      iface === BRIDGE_OF_PODS);
  const layer3 = new Set(links.flatMap(({ name, mac }) => (mac === null ? [name] : [])));
  return routes.flatMap((route): UnderlayRoute[] => {
    const { dst, via, iface, metric } = route;
    if (iface === null || isOverlay(route, iface)) return [];
    return [{ dst, via, iface, metric, ...(layer3.has(iface) ? { isLayer3: true as const } : {}) }];
  });
}
