/** Stages for devices, and for addresses that conflict with others: those that compare more than a key. */
import { isIpv6 } from "../../net/index.ts";
import {
  changesInPlace,
  isCompatible,
  linkContext,
  missingDevice,
  missingParent,
  ownDevices,
} from "../objects/link.ts";
import { isOwnAddress } from "./ownership.ts";
import { unfinishedPrefixes } from "./removal-order.ts";
import type { Comparison, PlannedOperation } from "./stage.ts";

/** The only break before make: an incompatible device is deleted before its successor, which has the same name. */
export function deleteIncompatibleLinks(comparison: Comparison): PlannedOperation[] {
  const planned: PlannedOperation[] = [];
  for (const want of comparison.desired.links.values()) {
    const have = comparison.cache.links.get(want.name);
    if (have === undefined || isCompatible(want, have, linkContext(comparison))) continue;
    // No device is deleted for one that cannot be created.
    const waitsFor = missingParent(comparison, want);
    planned.push({ operation: { op: "delete-link", name: want.name }, waitsFor });
  }
  return planned;
}

export function createLinks({ desired, cache }: Comparison): PlannedOperation[] {
  const planned: PlannedOperation[] = [];
  for (const link of desired.links.values()) {
    if (!cache.links.has(link.name)) planned.push({ operation: { op: "create-link", link }, waitsFor: null });
  }
  return planned;
}

export function adjustLinks(comparison: Comparison): PlannedOperation[] {
  const planned: PlannedOperation[] = [];
  for (const want of comparison.desired.links.values()) {
    const have = comparison.cache.links.get(want.name);
    if (have === undefined || !isCompatible(want, have, linkContext(comparison))) continue;
    for (const operation of changesInPlace(want, have)) planned.push({ operation, waitsFor: null });
  }
  return planned;
}

export function setLinksUp(comparison: Comparison): PlannedOperation[] {
  const planned: PlannedOperation[] = [];
  for (const { name } of comparison.desired.links.values()) {
    if (comparison.cache.links.get(name)?.isUp !== false) continue;
    const waitsFor = missingDevice(comparison, name);
    planned.push({ operation: { op: "set-link", name, up: true }, waitsFor });
  }
  return planned;
}

/** Routes, neighbours and FDB entries are deleted with their device, so they are not removed one by one. */
export function deleteLinks(comparison: Comparison): PlannedOperation[] {
  const { desired, cache, ownership } = comparison;
  const surplus = [...ownDevices(ownership, desired.links, cache)].filter((name) => !desired.links.has(name));
  if (surplus.length === 0) return [];
  const isUnfinished = unfinishedPrefixes(comparison);
  const inUse = new Map<string, string>();
  for (const { iface, dst } of cache.routes.values()) {
    if (iface !== null && surplus.includes(iface) && isUnfinished(dst)) inUse.set(iface, dst);
  }
  return surplus.map((name) => {
    const successor = inUse.get(name);
    const waitsFor = successor === undefined ? null : `route ${successor}`;
    return { operation: { op: "delete-link", name }, waitsFor };
  });
}

/** IPv6 refuses an address that the device already has with another prefix length (ipv6_add_addr: EEXIST). */
export function deleteConflictingAddresses({ desired, cache, ownership }: Comparison): PlannedOperation[] {
  const planned: PlannedOperation[] = [];
  for (const [key, want] of desired.addresses) {
    if (!isIpv6(want.ip) || cache.addresses.has(key) || !desired.links.has(want.iface)) continue;
    for (const have of cache.addresses.values()) {
      if (have.iface !== want.iface || have.ip !== want.ip || !isOwnAddress(ownership, have.ip)) continue;
      const { iface, ip, length } = have;
      planned.push({ operation: { op: "delete-address", address: { iface, ip, length } }, waitsFor: null });
    }
  }
  return planned;
}
