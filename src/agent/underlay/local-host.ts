/** Derives the parts of `LocalHost` from the configuration and the observed kernel state. Pure. */
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

/** The bridge of flannel's CNI configuration: its routes lead to pods of this host. */
const BRIDGE_OF_PODS = "cni0";

/**
 * Addresses on the interface's link that belong to no neighbour: this host's own and broadcast. The kernel refuses them
 * as a gateway (fib_check_nh_v4_gw, ip6_route_check_nh).
 */
export function nonPeerIps(addresses: readonly ObservedAddress[], iface: string): readonly Ip[] {
  const ips = addresses
    .filter((address) => address.iface === iface)
    .flatMap(({ ip, length }) => (isIpv4(ip) && length <= 30 ? [ip, broadcastOf(ip, length)] : [ip]));
  return [...new Set(ips)].sort();
}

function broadcastOf(ip: Ip, length: number): Ip {
  return ipFromBits("v4", prefixRange(prefixOf(ip, length)).last);
}

/**
 * The routes to other hosts, without those of the overlay. Inside the networks it includes only routes that no overlay
 * program makes: of the links' own addresses, from DHCP, from router advertisements, and those that an administrator
 * marks "proto static".
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
