/**
 * What is ours to change. Two daemons with different networks may share a host, and flannel may have run here
 * before: a name alone proves nothing, an address inside one of our networks does.
 */
import { containsIp, containsPrefix, type Ip, type Prefix } from "../../net/index.ts";
import type { ObservedAddress, ObservedLink, ObservedRoute } from "../observed.ts";
import { BLACKHOLE_METRIC, ROUTE_PROTOCOL } from "../state.ts";

export interface Ownership {
  /** The cluster's networks, also those of the `subnet.env` that an earlier configuration left. */
  readonly networks: readonly Prefix[];
  /** Names that devices of ours have, or had under an earlier configuration. */
  readonly deviceName: RegExp;
}

/** Every name that flannel and Tweed give to a device (compat 4). */
export const DEVICE_NAME = /^(?:flannel\.\d+|flannel-v6\.\d+|flannel0)$/;

const DEVICE_KINDS: ReadonlySet<string | null> = new Set(["vxlan", "tun"]);

export function isOwnAddress(ownership: Ownership, ip: Ip): boolean {
  return ownership.networks.some((network) => containsIp(network, ip));
}

/** Names of the devices that are ours: desired, made by this process, or recognised by name, kind and address. */
export function ownDevices(
  ownership: Ownership,
  desired: ReadonlyMap<string, unknown>,
  host: {
    readonly links: ReadonlyMap<string, ObservedLink>;
    readonly addresses: ReadonlyMap<string, ObservedAddress>;
    readonly created: ReadonlySet<string>;
  },
): ReadonlySet<string> {
  const own = new Set<string>();
  for (const [name, link] of host.links) {
    const isOwn =
      desired.has(name) ||
      (DEVICE_KINDS.has(link.kind) &&
        (host.created.has(name) ||
          (ownership.deviceName.test(name) && hasOwnAddress(ownership, name, host.addresses))));
    if (isOwn) own.add(name);
  }
  return own;
}

function hasOwnAddress(
  ownership: Ownership,
  iface: string,
  addresses: ReadonlyMap<string, ObservedAddress>,
): boolean {
  for (const address of addresses.values()) {
    if (address.iface === iface && isOwnAddress(ownership, address.ip)) return true;
  }
  return false;
}

/**
 * True for a route inside our networks that carries our protocol number or leaves through a device of ours.
 * One without an interface is a blackhole or multipath: {@link isOwnBlackhole} knows ours.
 */
export function isOwnRoute(
  ownership: Ownership,
  devices: ReadonlySet<string>,
  route: ObservedRoute,
): route is ObservedRoute & { readonly iface: string } {
  if (route.iface === null || route.protocol === ROUTE_PROTOCOL.kernel) return false;
  if (route.protocol !== ROUTE_PROTOCOL.tweed && !devices.has(route.iface)) return false;
  return ownership.networks.some((network) => containsPrefix(network, route.dst));
}

/** True for a blackhole inside our networks as we make it. */
export function isOwnBlackhole(ownership: Ownership, route: ObservedRoute): boolean {
  return isBlackhole(route) && ownership.networks.some((network) => containsPrefix(network, route.dst));
}

/** By protocol and metric too: without an interface a route may also have several. */
export function isBlackhole({ iface, protocol, metric }: ObservedRoute): boolean {
  return iface === null && protocol === ROUTE_PROTOCOL.tweed && metric === BLACKHOLE_METRIC;
}
