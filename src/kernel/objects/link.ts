/** Devices: what all kinds have in common. Each kind has a file for its differences, see kinds.ts. */
import { Attributes } from "../netlink/attributes.ts";
import { AF } from "../netlink/family.ts";
import { BLANK_LINK, encodeLink, IFF, type LinkMessage, RTM_LINK } from "../netlink/link.ts";
import { creation, deletion, MODE, type Request } from "../netlink/request.ts";
import { type InterfaceIndex, NO_INDEX, type ObservedAddress, type ObservedLink } from "../observed.ts";
import type { Operation } from "../operation.ts";
import type { KernelCache } from "../reconcile/kernel-cache.ts";
import { isOwnAddress, type Ownership } from "../reconcile/ownership.ts";
import type { Comparison } from "../reconcile/stage.ts";
import { findLinkKind, type LinkSettings, type LinkState, linkKindOf } from "./kinds.ts";
import type { DesiredLink, LinkContext } from "./link-kind.ts";
import type { ObservedKind, OperationKind } from "./object-kind.ts";

type LinkOperation = Extract<Operation, { op: "create-link" | "set-link" | "delete-link" }>;
export type SetLink = Extract<Operation, { op: "set-link" }>;

export const linkKind: OperationKind<LinkOperation> & ObservedKind<ObservedLink, LinkMessage, void> = {
  operations: ["create-link", "set-link", "delete-link"],
  deviceOf: (operation) =>
    operation.op === "create-link" ? linkKindOf(operation.link).parentOf(operation.link) : operation.name,
  otherDeviceOf: () => null,
  decode: decodeLink,
  keyOfObserved: ({ name }) => name,
  encode,
  describe,
  acknowledge,
  // Every other change of a device causes a new dump anyway.
  notifiedKey: (operation) =>
    operation.op === "set-link" && operation.mtuBytes !== undefined ? mtuKey(operation.name) : null,
};

export function mtuKey(link: string): string {
  return `mtu ${link}`;
}

/** null for messages of a bridge about its ports, which do not describe the device itself. */
function decodeLink(message: LinkMessage): ObservedLink | null {
  if (message.af !== AF.unspec || message.name === null) return null;
  const settings = decodeSettings(message);
  return {
    index: message.index as InterfaceIndex,
    name: message.name,
    kind: settings?.kind ?? message.kind,
    mac: message.mac,
    mtuBytes: message.mtuBytes ?? 0,
    isUp: (message.flags & IFF.up) !== 0,
    hasCarrier: (message.flags & IFF.lowerUp) !== 0,
    isLoopback: (message.flags & IFF.loopback) !== 0,
    settings,
  };
}

/** Data of other kinds is not decoded: it need not even be a list of attributes. */
function decodeSettings({ kind: name, data }: LinkMessage): LinkSettings | null {
  const kind = findLinkKind(name);
  if (kind === undefined || data === null) return null;
  return kind.decode(new Attributes(data, `link data of kind ${name}`)) as LinkSettings;
}

function encode(operation: LinkOperation, index: InterfaceIndex): Request {
  const words = describe(operation);
  switch (operation.op) {
    case "create-link":
      return creation(words, RTM_LINK.new, encodeLink(newLinkMessage(operation.link, index)), MODE.create);
    case "set-link":
      return creation(words, RTM_LINK.new, encodeLink(changeMessage(operation, index)), MODE.change);
    case "delete-link":
      return deletion(words, RTM_LINK.delete, encodeLink({ ...BLANK_LINK, index }));
  }
}

function newLinkMessage(link: LinkState, parentIndex: InterfaceIndex): LinkMessage {
  const { kind, name, mac, mtuBytes }: DesiredLink = link;
  const data = linkKindOf(link).encode(link, parentIndex);
  return { ...BLANK_LINK, name, mac: mac ?? null, mtuBytes, txQueueLength: 0, kind, data };
}

/** Kind and data are sent only when the kind's settings change, because other kinds of device refuse them. */
function changeMessage({ settings, up, mac, mtuBytes }: SetLink, index: InterfaceIndex): LinkMessage {
  return {
    ...BLANK_LINK,
    index,
    flags: up === true ? IFF.up : 0,
    changeMask: up === undefined ? 0 : IFF.up,
    mac: mac ?? null,
    mtuBytes: mtuBytes ?? null,
    kind: settings?.kind ?? null,
    data: settings === undefined ? null : linkKindOf(settings).encodeChange(settings),
  };
}

function describe(operation: LinkOperation): string {
  switch (operation.op) {
    case "create-link": {
      const { link } = operation;
      return `create link ${link.name} type ${link.kind} ${linkKindOf(link).describe(link)}`.trimEnd();
    }
    case "set-link":
      return `set link ${operation.name} ${describeChange(operation)}`;
    case "delete-link":
      return `delete link ${operation.name}`;
  }
}

function describeChange({ mtuBytes, mac, settings, up }: SetLink): string {
  const words: string[] = [];
  if (mtuBytes !== undefined) words.push(`mtu ${mtuBytes}`);
  if (mac !== undefined) words.push(`address ${mac}`);
  if (settings !== undefined) words.push(linkKindOf(settings).describeChange(settings));
  if (up !== undefined) words.push(up ? "up" : "down");
  return words.join(" ");
}

function acknowledge(cache: KernelCache, operation: LinkOperation): void {
  switch (operation.op) {
    case "create-link":
      cache.links.set(operation.link.name, newLink(cache, operation.link));
      cache.created.add(operation.link.name);
      return;
    case "set-link":
      acknowledgeChange(cache, operation);
      return;
    case "delete-link":
      cache.removeDevice(operation.name);
  }
}

function newLink(cache: KernelCache, link: LinkState): ObservedLink {
  const { kind, name, mac, mtuBytes }: DesiredLink = link;
  const parent = linkKindOf(link).parentOf(link);
  const parentIndex = parent === null ? null : (cache.links.get(parent)?.index ?? null);
  const settings = linkKindOf(link).settingsOf(link, parentIndex) as LinkSettings;
  const state = { isUp: false, hasCarrier: false, isLoopback: false };
  return { index: NO_INDEX, name, kind, mac: mac ?? null, mtuBytes, ...state, settings };
}

function acknowledgeChange(cache: KernelCache, change: SetLink): void {
  const link = cache.links.get(change.name);
  if (link === undefined) return;
  const { mac = link.mac, mtuBytes = link.mtuBytes, up: isUp = link.isUp } = change;
  const settings = changedSettings(link.settings, change);
  cache.links.set(change.name, { ...link, mac, mtuBytes, isUp, settings });
  // The kernel deletes all neighbours of a device whose MAC changes, permanent ones too (neigh_changeaddr).
  if (mac !== link.mac) cache.removeNeighboursOf(change.name);
}

/** The settings after a change; its fields have the names of the settings. */
export function changedSettings(have: LinkSettings | null, change: SetLink): LinkSettings | null {
  const isOfKind = have !== null && have.kind === change.settings?.kind;
  return isOfKind ? ({ ...have, ...change.settings } as LinkSettings) : have;
}

/** False when the device has to be replaced. */
export function isCompatible(want: LinkState, have: ObservedLink, context: LinkContext): boolean {
  if (have.settings?.kind !== want.kind) return false;
  return linkKindOf(want).isCompatible(want, have.settings, context);
}

/** The differences of a compatible device, one change each, so that a refused change does not affect others. */
export function changesInPlace(want: LinkState, have: ObservedLink): readonly SetLink[] {
  const { name, mac, mtuBytes }: DesiredLink = want;
  const changes: SetLink[] = [];
  if (have.mtuBytes !== mtuBytes) changes.push({ op: "set-link", name, mtuBytes });
  if (have.settings?.kind !== want.kind) return changes;
  if (mac !== undefined && have.mac !== mac) changes.push({ op: "set-link", name, mac });
  for (const change of linkKindOf(want).changes(want, have.settings)) {
    changes.push({ op: "set-link", name, settings: change as NonNullable<SetLink["settings"]> });
  }
  return changes;
}

/**
 * The device, where it is desired and not usable yet; null otherwise. A missing device of the host shows in the
 * kernel's error.
 */
export function missingDevice(comparison: Comparison, iface: string): string | null {
  const want = comparison.desired.links.get(iface);
  if (want === undefined) return null;
  const have = comparison.cache.links.get(iface);
  const isRight = have !== undefined && isCompatible(want, have, linkContext(comparison));
  return isRight ? null : `link ${iface}`;
}

/** The device on which `link` depends, where it is missing. */
export function missingParent({ cache }: Comparison, link: LinkState): string | null {
  const parent = linkKindOf(link).parentOf(link);
  return parent !== null && !cache.links.has(parent) ? `link ${parent}` : null;
}

export function linkContext(comparison: Comparison): LinkContext {
  return { links: comparison.cache.links, fixedLocal: comparison.fixedLocal };
}

/** Names of the devices that are ours: desired, created by this process, or recognised by name, kind and address. */
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
      (findLinkKind(link.kind) !== undefined &&
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
