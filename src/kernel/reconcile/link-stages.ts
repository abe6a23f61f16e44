/** Devices, their settings and addresses: what every path stands on. */
import { familyOf, isIpv6 } from "../../net/index.ts";
import type { LinkState } from "../state.ts";
import { changesInPlace, isCompatible } from "./link-change.ts";
import { isOwnAddress } from "./ownership.ts";
import type { Proposal, Situation } from "./stage.ts";
import { linkContext, missingForDevice } from "./standing.ts";

/** The one break before make: a device that only another can replace, for there is one to a name. */
export function clearNames(situation: Situation): Proposal[] {
  const proposals: Proposal[] = [];
  for (const want of situation.desired.links.values()) {
    const have = situation.picture.links.get(want.name);
    if (have === undefined || isCompatible(want, have, linkContext(situation))) continue;
    const waitsFor = missingParent(situation, want);
    proposals.push({ operation: { op: "delete-link", name: want.name }, waitsFor });
  }
  return proposals;
}

/** No device is given up for one that cannot be made. */
function missingParent({ picture }: Situation, link: LinkState): string | null {
  return link.kind === "vxlan" && !picture.links.has(link.parent) ? `link ${link.parent}` : null;
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

/** A device's sysctls have their paths only while it exists: /proc/sys/net/ipv6/conf/DEVICE/…. */
export function writeSysctls(situation: Situation): Proposal[] {
  const { desired, picture } = situation;
  const proposals: Proposal[] = [];
  for (const sysctl of desired.sysctls.values()) {
    if (picture.sysctls.get(sysctl.path) === sysctl.value) continue;
    const device = sysctl.path.split("/").find((segment) => desired.links.has(segment));
    const waitsFor = device === undefined ? null : missingForDevice(situation, device);
    proposals.push({ operation: { op: "write-sysctl", sysctl }, waitsFor });
  }
  return proposals;
}

/** IPv6 refuses an address that the device has already at another length (ipv6_add_addr: EEXIST). */
export function vacateAddresses({ desired, picture, ownership }: Situation): Proposal[] {
  const proposals: Proposal[] = [];
  for (const [place, want] of desired.addresses) {
    if (!isIpv6(want.ip) || picture.addresses.has(place) || !desired.links.has(want.iface)) continue;
    for (const have of picture.addresses.values()) {
      if (have.iface !== want.iface || have.ip !== want.ip || !isOwnAddress(ownership, have.ip)) continue;
      const { iface, ip, length } = have;
      proposals.push({ operation: { op: "delete-address", address: { iface, ip, length } }, waitsFor: null });
    }
  }
  return proposals;
}

export function addAddresses(situation: Situation): Proposal[] {
  const { desired, picture } = situation;
  const proposals: Proposal[] = [];
  for (const [place, address] of desired.addresses) {
    if (picture.addresses.has(place)) continue;
    const waitsFor = missingForDevice(situation, address.iface);
    proposals.push({ operation: { op: "add-address", address }, waitsFor });
  }
  return proposals;
}

export function raiseLinks(situation: Situation): Proposal[] {
  const proposals: Proposal[] = [];
  for (const { name } of situation.desired.links.values()) {
    if (situation.picture.links.get(name)?.isUp !== false) continue;
    const waitsFor = missingForDevice(situation, name);
    proposals.push({ operation: { op: "set-link", name, up: true }, waitsFor });
  }
  return proposals;
}

/**
 * A device's last IPv4 address takes all its IPv4 routes with it (fib_disable_ip), so an address goes only when
 * those that shall stay are there.
 */
export function deleteAddresses({ desired, picture, ownership }: Situation): Proposal[] {
  const proposals: Proposal[] = [];
  for (const [place, { iface, ip, length, isLinkLocal }] of picture.addresses) {
    if (!desired.links.has(iface) || desired.addresses.has(place) || isLinkLocal) continue;
    if (!isOwnAddress(ownership, ip)) continue;
    const successor = [...desired.addresses].find(
      ([place, other]) =>
        other.iface === iface && familyOf(other.ip) === familyOf(ip) && !picture.addresses.has(place),
    );
    const waitsFor = successor === undefined ? null : `address ${successor[0]}`;
    proposals.push({ operation: { op: "delete-address", address: { iface, ip, length } }, waitsFor });
  }
  return proposals;
}
