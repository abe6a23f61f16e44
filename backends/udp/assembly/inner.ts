/** The current inner packet: parsed once, then used by every step. */
import { DROP_CHECKSUM, DROP_HEADER_LENGTH, DROP_RUNT, DROP_TRUNCATED, DROP_VERSION } from "./counter-index";
import { fold, sum } from "./checksum";
import {
  FRAGMENT_OFFSET,
  IPV4,
  IPV4_HEADER,
  IPV6,
  IPV6_HEADER,
  Ipv4Header,
  Ipv6Header,
  MORE_FRAGMENTS,
  PROTOCOL_UNKNOWN,
} from "./headers";

@unmanaged export class Inner {
  at: usize;
  /** Length of the whole packet, by its own header. */
  length: u32;
  family: u32;
  /** Bytes before the transport header, including extension headers and options. */
  networkBytes: u32;
  protocol: u32;
  /** No options, no extension headers, no fragment: it may be joined with others. */
  plain: bool;
  /** A fragment other than the first, so it has no transport header. */
  laterFragment: bool;
  fragment: bool;
  /** IPv6 routing header: the final destination is not the one in the fixed header. */
  routed: bool;
}

/** Maximum number of IPv6 extension headers that are parsed. */
const EXTENSIONS_MAX: u32 = 8;
const HOP_BY_HOP: u32 = 0;
const ROUTING: u32 = 43;
const FRAGMENT: u32 = 44;
const AUTHENTICATION: u32 = 51;
const DESTINATION_OPTIONS: u32 = 60;

/**
 * Fills `inner` from the packet at `at`, of which `length` bytes are present; bytes beyond the packet's own length are
 * ignored, as IP receivers do. Returns 0, or the DROP counter of the fault.
 */
export function parse(inner: Inner, at: usize, length: u32): u32 {
  if (length < IPV4_HEADER) return DROP_RUNT;
  inner.at = at;
  inner.fragment = false;
  inner.laterFragment = false;
  inner.routed = false;
  const version = u32(load<u8>(at)) >> 4;
  inner.family = version;
  if (version == IPV4) return parse4(inner, changetype<Ipv4Header>(at), length);
  if (version == IPV6) return parse6(inner, changetype<Ipv6Header>(at), length);
  return DROP_VERSION;
}

function parse4(inner: Inner, ip: Ipv4Header, length: u32): u32 {
  const header = (u32(ip.versionLength) & 15) << 2;
  if (header < IPV4_HEADER || header > length) return DROP_HEADER_LENGTH;
  const total = u32(bswap<u16>(ip.totalLength));
  if (total < header || total > length) return DROP_TRUNCATED;
  if (fold(sum(inner.at, header)) != 0xffff) return DROP_CHECKSUM;
  inner.length = total;
  inner.networkBytes = header;
  inner.protocol = ip.protocol;
  inner.laterFragment = (ip.fragment & FRAGMENT_OFFSET) != 0;
  inner.fragment = inner.laterFragment || (ip.fragment & MORE_FRAGMENTS) != 0;
  inner.plain = header == IPV4_HEADER && !inner.fragment;
  return 0;
}

function parse6(inner: Inner, ip: Ipv6Header, length: u32): u32 {
  if (length < IPV6_HEADER) return DROP_RUNT;
  const payload = u32(bswap<u16>(ip.payloadLength));
  // A payload length of 0 with hop-by-hop options is a jumbogram (RFC 2675), which no datagram can hold.
  if (IPV6_HEADER + payload > length || (payload == 0 && ip.nextHeader == HOP_BY_HOP)) return DROP_TRUNCATED;
  inner.length = IPV6_HEADER + payload;
  inner.networkBytes = IPV6_HEADER;
  inner.protocol = ip.nextHeader;
  if (isExtension(inner.protocol)) walkExtensions(inner);
  else inner.plain = true;
  return 0;
}

@inline function isExtension(protocol: u32): bool {
  return (
    protocol == HOP_BY_HOP ||
    protocol == ROUTING ||
    protocol == FRAGMENT ||
    protocol == AUTHENTICATION ||
    protocol == DESTINATION_OPTIONS
  );
}

/** A chain that is truncated or too long leaves PROTOCOL_UNKNOWN: the packet may pass, but is not inspected further. */
function walkExtensions(inner: Inner): void {
  inner.plain = false;
  let offset = inner.networkBytes;
  let next = inner.protocol;
  let left = EXTENSIONS_MAX;
  inner.protocol = PROTOCOL_UNKNOWN;
  while (isExtension(next)) {
    if (left-- == 0 || offset + 8 > inner.length) return;
    const at = inner.at + offset;
    if (next == FRAGMENT) {
      inner.fragment = true;
      if ((bswap<u16>(load<u16>(at, 2)) & 0xfff8) != 0) {
        inner.laterFragment = true;
        return;
      }
      offset += 8;
    } else if (next == AUTHENTICATION) {
      offset += (u32(load<u8>(at, 1)) + 2) << 2;
    } else {
      if (next == ROUTING) inner.routed = true;
      offset += (u32(load<u8>(at, 1)) + 1) << 3;
    }
    if (offset > inner.length) return;
    next = load<u8>(at);
  }
  inner.networkBytes = offset;
  inner.protocol = next;
}
