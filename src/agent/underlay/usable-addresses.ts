/** The addresses of an interface that can carry the overlay, best first. */

import type { ObservedAddress } from "../../kernel/observed.ts";
import {
  addressBits,
  familyOf,
  type Ip,
  type Ipv4,
  type Ipv6,
  isIpv4,
  isIpv6,
  isUsableUnicast,
} from "../../net/index.ts";
import type { PreferredIp } from "./interface-memory.ts";

export interface UsableIps {
  readonly v4: readonly Ipv4[];
  readonly v6: readonly Ipv6[];
}

/**
 * The interface's own addresses before virtual ones, then preferred ones, then flannel's order: global before
 * link-local, permanent before dynamic, stable before temporary (RFC 8981), and otherwise the kernel's, oldest first.
 * Besides addresses with an {@link unusableReason} it skips deprecated ones, which are about to be removed.
 */
export function usableIps(
  addresses: readonly ObservedAddress[],
  iface: string,
  preferred: readonly PreferredIp[] = [],
): UsableIps {
  const ips = addresses
    .filter((address) => address.iface === iface && isUsable(address))
    .map((address) => ({ ip: address.ip, rank: rank(address, preferred) }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ ip }) => ip);
  return { v4: ips.filter(isIpv4), v6: ips.filter(isIpv6) };
}

export function isUsable(address: ObservedAddress): boolean {
  return unusableReason(address) === null && !address.isDeprecated;
}

/**
 * An address that is likely to move to another host: with a full-length prefix, as keepalived and kube-vip add them, or
 * secondary to another one of the same prefix. An address from DHCP is the interface's own, whatever its prefix length.
 */
export function isVirtual({ ip, length, isPermanent, isSecondary }: ObservedAddress): boolean {
  return isSecondary || (isPermanent && length === addressBits(familyOf(ip)));
}

/**
 * Why no peer can reach this address, or null. Unlike flannel, IPv6 link-local addresses are unusable: a lease with one
 * is of no use beyond one link, and its readers refuse it.
 */
export function unusableReason(address: ObservedAddress): string | null {
  if (address.isTentative) return "tentative (duplicate address detection has not passed)";
  return isUsableUnicast(address.ip) ? null : "cannot be reached from another host";
}

/** The interface's addresses for display, the unusable ones marked. */
export function describeAddresses(addresses: readonly ObservedAddress[], iface: string): string {
  const texts = addresses
    .filter((address) => address.iface === iface)
    .map((address) => {
      const fault = address.isDeprecated ? "deprecated" : unusableReason(address);
      return fault === null ? address.ip : `${address.ip} [${fault}]`;
    });
  return texts.length === 0 ? "no address" : texts.join(", ");
}

/** Not virtual, or secondary only because it returned after a virtual one. */
export function isOwnAddress(address: ObservedAddress, preferred: readonly PreferredIp[]): boolean {
  if (!isVirtual(address)) return true;
  return address.isSecondary && preferred.some(({ ip, wasReal }) => wasReal && ip === address.ip);
}

/** All entries with this address; several interfaces may have the same one. */
export function carriersOf(addresses: readonly ObservedAddress[], ip: Ip): readonly ObservedAddress[] {
  return addresses.filter((address) => address.ip === ip);
}

function rank(address: ObservedAddress, preferred: readonly PreferredIp[]): number {
  const place = preferred.findIndex(({ ip }) => ip === address.ip);
  const weights = [
    address.isTemporary,
    !address.isPermanent,
    ...preferred.map((_, index) => place < 0 || place > index),
    !isOwnAddress(address, preferred),
    address.isLinkLocal,
  ];
  return weights.reduce((sum, isWorse, index) => sum + (isWorse ? 2 ** index : 0), 0);
}
