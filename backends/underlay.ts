import type { SysctlState } from "../src/kernel/state.ts";
import { addressBits, containsIp, type Family, familyOf, type Ip, prefixLength } from "../src/net/index.ts";
import type { LocalHost, UnderlayRoute } from "./backend.ts";

/**
 * The device on whose link `ip` is. null when `ip` is behind a gateway or has no route, or the device is layer 3: that
 * delivers by the inner address, not by the gateway of a route. The longest matching prefix decides, then the lowest
 * metric, as in the kernel's own lookup.
 */
export function deviceOnLink(ip: Ip, underlay: readonly UnderlayRoute[]): string | null {
  let best: UnderlayRoute | null = null;
  for (const route of underlay) {
    if (!containsIp(route.dst, ip)) continue;
    if (best === null || isPreferred(route, best)) best = route;
  }
  return best === null || best.via !== null || best.isLayer3 ? null : best.iface;
}

/**
 * The device of a direct route to a peer's address, or null for the tunnel. Both ends of a pair route directly, or neither:
 * strict reverse-path filters and the packet filter drop asymmetric traffic.
 */
export function directDevice(
  ip: Ip,
  node: LocalHost,
  options: { readonly directRouting: boolean },
  peer: { readonly routesDirectly: boolean },
): string | null {
  return options.directRouting || peer.routesDirectly ? deviceOnLink(ip, node.underlay) : null;
}

function isPreferred(route: UnderlayRoute, other: UnderlayRoute): boolean {
  const longer = prefixLength(route.dst) - prefixLength(other.dst);
  return longer > 0 || (longer === 0 && route.metric < other.metric);
}

/** The minimum MTU of a link: 1280 bytes for IPv6 (RFC 8200 section 5), 68 for IPv4 (RFC 791). */
export const MIN_MTU_BYTES: Readonly<Record<Family, number>> = { v4: 68, v6: 1280 };

/** Refuses an underlay MTU that leaves too little behind the outer headers for the family; null when it suffices. */
export function refuseMtu({ iface }: LocalHost, overheadBytes: number, family: Family): string | null {
  const leftBytes = iface.mtuBytes - overheadBytes;
  const minBytes = MIN_MTU_BYTES[family];
  if (leftBytes >= minBytes) return null;
  return `the MTU of ${iface.name}, ${iface.mtuBytes}, leaves ${leftBytes} bytes; raise it to at least ${minBytes + overheadBytes}`;
}

/** The prefix length of a single host in the family of `ip`. */
export function hostLength(ip: Ip): 32 | 128 {
  return addressBits(familyOf(ip));
}

/**
 * While a cluster changes its backend, a peer's packets may arrive through a tunnel that this node no longer sends
 * through, and a strict reverse-path filter would drop them. The larger of a device's own value and that of `all`
 * applies, and 2 is loose (Documentation/networking/ip-sysctl.rst). The firewall refuses forged packets instead.
 */
export function looseReversePath(device: string): SysctlState {
  return { path: `net/ipv4/conf/${device}/rp_filter`, value: "2" };
}
