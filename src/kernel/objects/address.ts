/** Addresses of interfaces. */
import { familyOf, type Ip, type Ipv6, ipv4Bits, ipv6Bits, isIpv4 } from "../../net/index.ts";
import { type AddressMessage, encodeAddress, IFA_F, RTM_ADDRESS } from "../netlink/address.ts";
import type { LinkTable } from "../netlink/link-table.ts";
import { creation, deletion } from "../netlink/request.ts";
import { RT_SCOPE } from "../netlink/route.ts";
import type { InterfaceIndex, ObservedAddress } from "../observed.ts";
import type { Operation } from "../operation.ts";
import { isOwnAddress } from "../reconcile/ownership.ts";
import type { AddressState } from "../state.ts";
import { missingDevice } from "./link.ts";
import type { ObjectKind, ObservedKind } from "./object-kind.ts";

type AddressOperation = Extract<Operation, { op: "add-address" | "delete-address" }>;

export const addressKind: ObjectKind<AddressState, ObservedAddress, AddressOperation> &
  ObservedKind<ObservedAddress, AddressMessage, LinkTable> = {
  operations: ["add-address", "delete-address"],
  decode: decodeAddress,
  keyOf: addressKey,
  keyOfObserved: addressKey,
  desiredIn: ({ addresses }) => addresses,
  observedIn: ({ addresses }) => addresses,
  matches: (_want, have) => have !== undefined,
  waitsFor: (comparison, { iface }) => missingDevice(comparison, iface),
  put: (address) => ({ op: "add-address", address }),
  removal:
    ({ desired, ownership }) =>
    ({ iface, ip, length, isLinkLocal }) =>
      desired.links.has(iface) && !isLinkLocal && isOwnAddress(ownership, ip)
        ? { op: "delete-address", address: { iface, ip, length } }
        : null,
  deviceOf: ({ address }) => address.iface,
  otherDeviceOf: () => null,
  encode: (operation, index) => {
    const body = encodeBody(operation.address, index);
    return operation.op === "add-address"
      ? creation(describe(operation), RTM_ADDRESS.new, body)
      : deletion(describe(operation), RTM_ADDRESS.delete, body);
  },
  describe,
  acknowledge: (cache, { op, address }) => {
    const key = addressKey(address);
    if (op === "add-address") cache.addresses.set(key, { ...address, ...ADDED });
    else cache.addresses.delete(key);
  },
  // The kernel deletes routes with an address, so a new dump follows anyway.
  notifiedKey: () => null,
};

function addressKey(address: AddressState): string {
  return `${address.iface} ${address.ip}/${address.length}`;
}

/** The kernel's report of an address that was added here. */
const ADDED = {
  isLinkLocal: false,
  isPermanent: true,
  isTemporary: false,
  isSecondary: false,
  isDeprecated: false,
  isTentative: false,
} as const;

/** null on an unknown device. */
function decodeAddress(address: AddressMessage, links: LinkTable): ObservedAddress | null {
  const iface = links.nameOf(address.index);
  if (iface === null) return null;
  const has = (flag: number) => (address.flags & flag) !== 0;
  return {
    iface,
    ip: address.ip,
    length: address.length,
    isLinkLocal: isLinkLocal(address.ip),
    isPermanent: has(IFA_F.permanent),
    // In IPv4 the same bit means "secondary".
    isTemporary: address.family === "v6" && has(IFA_F.temporary),
    isSecondary: address.family === "v4" && has(IFA_F.temporary),
    isDeprecated: has(IFA_F.deprecated),
    isTentative: has(IFA_F.tentative),
  };
}

/** 169.254.0.0/16 (RFC 3927) and fe80::/10 (RFC 4291). */
function isLinkLocal(ip: Ip): boolean {
  return isIpv4(ip) ? ipv4Bits(ip) >>> 16 === 0xa9fe : ipv6Bits(ip as Ipv6) >> 118n === 0x3fan;
}

function encodeBody({ ip, length }: AddressState, index: InterfaceIndex): Uint8Array {
  const family = familyOf(ip);
  return encodeAddress({
    family,
    length,
    scope: RT_SCOPE.universe,
    index,
    // Unique by lease; duplicate address detection would delay sending from it.
    flags: family === "v6" ? IFA_F.nodad : 0,
    ip,
    remote: null,
  });
}

function describe({ op, address: { ip, length, iface } }: AddressOperation): string {
  return `${op === "add-address" ? "add" : "delete"} address ${ip}/${length} dev ${iface}`;
}
