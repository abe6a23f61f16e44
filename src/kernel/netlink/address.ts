/** Address messages: RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR (struct ifaddrmsg and IFA_*, linux/if_addr.h). */
import type { Family, Ip } from "../../net/index.ts";
import { readBody } from "./attributes.ts";
import { BodyWriter } from "./body-writer.ts";
import { afOf, requireFamily, requireLength } from "./family.ts";
import { malformed } from "./malformed.ts";

export const RTM_ADDRESS = { new: 20, delete: 21, get: 22 } as const;

export const IFA_F = {
  /** IPv6: a privacy address (RFC 8981). In IPv4 the same bit means "secondary". */
  temporary: 0x01,
  /** Usable at once, without duplicate address detection. */
  nodad: 0x02,
  deprecated: 0x20,
  tentative: 0x40,
  permanent: 0x80,
} as const;

const IFADDRMSG_BYTES = 8;
/** IFA_FLAGS widens the flags of the struct, which are 8 bits, to 32. */
const IFA = { address: 1, local: 2, flags: 8 } as const;

export interface AddressMessage {
  readonly family: Family;
  readonly length: number;
  readonly scope: number;
  readonly index: number;
  /** IFA_F_* */
  readonly flags: number;
  readonly ip: Ip;
  /** The other end of a point-to-point link; null where it is `ip` itself. */
  readonly remote: Ip | null;
}

/** @throws TweedError `netlink-malformed` */
export function decodeAddress(body: Uint8Array): AddressMessage {
  const { struct, attributes } = readBody(body, IFADDRMSG_BYTES, "address");
  const family = requireFamily(struct.getUint8(0), "address");
  const address = attributes.ip(IFA.address);
  // IPv4 always has both, IPv6 has IFA_LOCAL only beside a remote address.
  const ip = attributes.ip(IFA.local) ?? address;
  if (ip === null) throw malformed("address", "neither IFA_LOCAL nor IFA_ADDRESS");
  return {
    family,
    length: requireLength(family, struct.getUint8(1), "address"),
    scope: struct.getUint8(3),
    index: struct.getUint32(4, true),
    flags: attributes.u32(IFA.flags) ?? struct.getUint8(2),
    ip,
    remote: address === ip ? null : address,
  };
}

export function encodeAddress(address: AddressMessage): Uint8Array {
  return addressWriter(address.family, address.length, address)
    .ip(IFA.local, address.ip)
    .ip(IFA.address, address.remote ?? address.ip)
    .u32(IFA.flags, address.flags)
    .finish();
}

export function encodeAddressQuery(family: Family): Uint8Array {
  return addressWriter(family, 0, { flags: 0, scope: 0, index: 0 }).finish();
}

function addressWriter(
  family: Family,
  length: number,
  rest: Pick<AddressMessage, "flags" | "scope" | "index">,
): BodyWriter {
  return new BodyWriter(IFADDRMSG_BYTES, (struct) => {
    struct.setUint8(0, afOf(family));
    struct.setUint8(1, length);
    struct.setUint8(2, rest.flags & 0xff);
    struct.setUint8(3, rest.scope);
    struct.setUint32(4, rest.index, true);
  });
}
