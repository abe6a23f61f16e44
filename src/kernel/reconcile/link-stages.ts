/** Devices, and addresses that make room for others: the stages that go by more than a key. */
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
import type { Proposal, Situation } from "./stage.ts";
import { unfinishedPrefixes } from "./succession.ts";

/** The one break before make: a device that only another can replace, for there is one to a name. */
export function clearNames(situation: Situation): Proposal[] {
  const proposals: Proposal[] = [];
  for (const want of situation.desired.links.values()) {
    const have = situation.picture.links.get(want.name);
    if (have === undefined || isCompatible(want, have, linkContext(situation))) continue;
    // No device is given up for one that cannot be made.
    const waitsFor = missingParent(situation, want);
    proposals.push({ operation: { op: "delete-link", name: want.name }, waitsFor });
  }
  return proposals;
}

export function createLinks({ desired, picture }: Situation): Proposal[] {
  const proposals: Proposal[] = [];
  for (const link of desired.links.values()) {
    if (!picture.links.has(link.name))
      proposals.push({ operation: { op: "create-link", link }, waitsFor: null });
  }
  return proposals;
}

export function adjustLinks(situation: Situation): Proposal[] {
  const proposals: Proposal[] = [];
  for (const want of situation.desired.links.values()) {
    const have = situation.picture.links.get(want.name);
    if (have === undefined || !isCompatible(want, have, linkContext(situation))) continue;
    for (const operation of changesInPlace(want, have)) proposals.push({ operation, waitsFor: null });
  }
  return proposals;
}

export function raiseLinks(situation: Situation): Proposal[] {
  const proposals: Proposal[] = [];
  for (const { name } of situation.desired.links.values()) {
    if (situation.picture.links.get(name)?.isUp !== false) continue;
    const waitsFor = missingDevice(situation, name);
    proposals.push({ operation: { op: "set-link", name, up: true }, waitsFor });
  }
  return proposals;
}

/** A device that goes takes everything on it along, so its routes, neighbours and entries are not removed one by one. */
export function deleteLinks(situation: Situation): Proposal[] {
  const { desired, picture, ownership } = situation;
  const surplus = [...ownDevices(ownership, desired.links, picture)].filter(
    (name) => !desired.links.has(name),
  );
  if (surplus.length === 0) return [];
  const isUnfinished = unfinishedPrefixes(situation);
  const inUse = new Map<string, string>();
  for (const { iface, dst } of picture.routes.values()) {
    if (iface !== null && surplus.includes(iface) && isUnfinished(dst)) inUse.set(iface, dst);
  }
  return surplus.map((name) => {
    const successor = inUse.get(name);
    const waitsFor = successor === undefined ? null : `route ${successor}`;
    return { operation: { op: "delete-link", name }, waitsFor };
  });
}

/** IPv6 refuses an address that the device has already at another length (ipv6_add_addr: EEXIST). */
export function vacateAddresses({ desired, picture, ownership }: Situation): Proposal[] {
  const proposals: Proposal[] = [];
  for (const [key, want] of desired.addresses) {
    if (!isIpv6(want.ip) || picture.addresses.has(key) || !desired.links.has(want.iface)) continue;
    for (const have of picture.addresses.values()) {
      if (have.iface !== want.iface || have.ip !== want.ip || !isOwnAddress(ownership, have.ip)) continue;
      const { iface, ip, length } = have;
      proposals.push({ operation: { op: "delete-address", address: { iface, ip, length } }, waitsFor: null });
    }
  }
  return proposals;
}
