/** Which addresses of an interface can carry the overlay, the best one first. */

import type { ObservedAddress } from "../kernel/observed.ts";
import { type Ip, type Ipv4, type Ipv6, isIpv4, isIpv6, isUsableUnicast } from "../net/index.ts";

export interface UsableIps {
  readonly v4: readonly Ipv4[];
  readonly v6: readonly Ipv6[];
}

/**
 * flannel's order: global before link-local, permanent before dynamic, lasting before temporary (RFC 8981),
 * and otherwise the kernel's. Left out besides what {@link unusableReason} names: what is deprecated, because
 * it is about to go.
 */
export function usableIps(addresses: readonly ObservedAddress[], iface: string): UsableIps {
  const ips = addresses
    .filter((address) => address.iface === iface && unusableReason(address) === null && !address.isDeprecated)
    .sort((a, b) => rank(a) - rank(b))
    .map((address) => address.ip);
  return { v4: ips.filter(isIpv4), v6: ips.filter(isIpv6) };
}

/**
 * Why no peer can reach this address, or null. IPv6 link-local addresses are out, other than in flannel: a
 * lease that publishes one is of no use beyond one link and is refused by its readers.
 */
export function unusableReason(address: ObservedAddress): string | null {
  if (address.isTentative) return "tentative (duplicate address detection has not passed)";
  return isUsableUnicast(address.ip) ? null : "cannot be reached from another host";
}

/** The interface's addresses for a person to read, the unusable ones marked. */
export function describeAddresses(addresses: readonly ObservedAddress[], iface: string): string {
  const texts = addresses
    .filter((address) => address.iface === iface)
    .map((address) => {
      const fault = address.isDeprecated ? "deprecated" : unusableReason(address);
      return fault === null ? address.ip : `${address.ip} [${fault}]`;
    });
  return texts.length === 0 ? "no address" : texts.join(", ");
}

/** Where an address is; the same one may be on several interfaces. */
export function carriersOf(addresses: readonly ObservedAddress[], ip: Ip): readonly ObservedAddress[] {
  return addresses.filter((address) => address.ip === ip);
}

function rank(address: ObservedAddress): number {
  return (address.isLinkLocal ? 4 : 0) + (address.isPermanent ? 0 : 2) + (address.isTemporary ? 1 : 0);
}
