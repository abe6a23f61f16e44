/**
 * ICMP errors about dropped packets (RFC 792, RFC 1812 section 4.3.2, RFC 4443 sections 2.4 and 3). The TUN's address
 * is their source, the packet's source their destination.
 */
import { destinationOf, isLoopback, isMulticast, isUnspecified, sourceOf } from "./address";
import { checksum, sum } from "./checksum";
import { ICMP_LIMITED, ICMP_TIME_EXCEEDED, ICMP_TOO_BIG } from "./counter-index";
import { count } from "./counters";
import { tunAddress } from "./forwarding-table";
import {
  DONT_FRAGMENT,
  ICMP_HEADER,
  IPV4,
  IPV4_HEADER,
  IPV6_HEADER,
  Ipv4Header,
  Ipv6Header,
  PROTOCOL_ICMP,
  PROTOCOL_ICMP6,
  PROTOCOL_UNKNOWN,
} from "./headers";
import { Inner } from "./inner";
import { lane } from "./lane";
import { ICMP_AT, ICMP_BYTES, ICMP_MAX } from "./layout";
import { pseudoSum } from "./pseudo-header";
import { mayAnswer } from "./rate-limit";

/** Network control, as RFC 1812 section 4.3.2.5 requires of errors. */
const TOS_NETWORK_CONTROL: u8 = 0xc0;
const HOPS: u8 = 64;
/** An error is at most this long, header included (RFC 1812 section 4.3.2.3, RFC 4443 section 3). */
const ERROR4_MAX: u32 = 576;
const ERROR6_MAX: u32 = 1280;

let used: u32 = 0;
/** Length of the last error built. */
export let icmpLength: u32 = 0;

export function resetIcmp(): void {
  used = 0;
}

/**
 * Builds an error of `kind`, one of the ICMP counters, about `inner`; `mtu` is for ICMP_TOO_BIG. Returns its address,
 * `icmpLength` bytes, or 0 if none may be sent.
 */
export function icmpError(inner: Inner, kind: u32, mtu: u32): usize {
  if (!mayProvoke(inner)) return 0;
  if (used == <u32>ICMP_MAX || !mayAnswer()) {
    count(ICMP_LIMITED);
    return 0;
  }
  const at = lane + ICMP_AT + used++ * ICMP_BYTES;
  count(kind);
  if (inner.family == IPV4) error4(at, inner, kind, mtu);
  else error6(at, inner, kind, mtu);
  return at;
}

function mayProvoke(inner: Inner): bool {
  const source = sourceOf(inner.at, inner.family);
  if (inner.laterFragment || isIcmpError(inner)) return false;
  if (isUnspecified(source, inner.family) || isMulticast(source, inner.family)) return false;
  if (isLoopback(source, inner.family)) return false;
  if (isMulticast(destinationOf(inner.at, inner.family), inner.family)) return false;
  return v128.any_true(tunAddress(inner.family));
}

/** Also true when the type is unknown. */
function isIcmpError(inner: Inner): bool {
  if (inner.protocol == PROTOCOL_UNKNOWN) return true;
  if (inner.protocol != (inner.family == IPV4 ? PROTOCOL_ICMP : PROTOCOL_ICMP6)) return false;
  if (inner.networkBytes >= inner.length) return true;
  const type = load<u8>(inner.at + inner.networkBytes);
  // RFC 4443 section 2.1: types below 128 are errors; a redirect (137) must not be answered either.
  if (inner.family != IPV4) return type < 128 || type == 137;
  // Unreachable, source quench, redirect, time exceeded, parameter problem.
  return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

function error4(at: usize, inner: Inner, kind: u32, mtu: u32): void {
  const quoted = min<u32>(inner.length, ERROR4_MAX - IPV4_HEADER - ICMP_HEADER);
  const icmp = at + IPV4_HEADER;
  icmpLength = IPV4_HEADER + ICMP_HEADER + quoted;

  const ip = changetype<Ipv4Header>(at);
  ip.versionLength = 0x45;
  ip.tos = TOS_NETWORK_CONTROL;
  ip.totalLength = bswap<u16>(u16(icmpLength));
  ip.id = 0;
  ip.fragment = DONT_FRAGMENT;
  ip.ttl = HOPS;
  ip.protocol = u8(PROTOCOL_ICMP);
  ip.check = 0;
  ip.source = i32x4.extract_lane(tunAddress(IPV4), 3);
  ip.destination = changetype<Ipv4Header>(inner.at).source;
  ip.check = checksum(sum(at, IPV4_HEADER));

  store<u32>(icmp, type4(kind));
  store<u16>(icmp, 0, 4);
  store<u16>(icmp, kind == <u32>ICMP_TOO_BIG ? bswap<u16>(u16(mtu)) : 0, 6);
  memory.copy(icmp + ICMP_HEADER, inner.at, quoted);
  store<u16>(icmp, checksum(sum(icmp, ICMP_HEADER + quoted)), 2);
}

/** Type, code and a checksum of zero, in memory order. */
function type4(kind: u32): u32 {
  if (kind == <u32>ICMP_TIME_EXCEEDED) return 11;
  if (kind == <u32>ICMP_TOO_BIG) return 3 | (4 << 8);
  return 3; // network unreachable
}

function error6(at: usize, inner: Inner, kind: u32, mtu: u32): void {
  const quoted = min<u32>(inner.length, ERROR6_MAX - IPV6_HEADER - ICMP_HEADER);
  const icmp = at + IPV6_HEADER;
  icmpLength = IPV6_HEADER + ICMP_HEADER + quoted;

  const ip = changetype<Ipv6Header>(at);
  ip.flow = 0x60;
  ip.payloadLength = bswap<u16>(u16(ICMP_HEADER + quoted));
  ip.nextHeader = u8(PROTOCOL_ICMP6);
  ip.hopLimit = HOPS;
  v128.store(at, tunAddress(inner.family), 8);
  v128.store(at, sourceOf(inner.at, inner.family), 24);

  // Time exceeded is type 3, packet too big 2, no route to destination 1; the code is 0 for all.
  store<u32>(icmp, kind == <u32>ICMP_TIME_EXCEEDED ? 3 : kind == <u32>ICMP_TOO_BIG ? 2 : 1);
  store<u32>(icmp, kind == <u32>ICMP_TOO_BIG ? bswap<u32>(mtu) : 0, 4);
  memory.copy(icmp + ICMP_HEADER, inner.at, quoted);
  const covered = pseudoSum(at, inner.family, PROTOCOL_ICMP6, ICMP_HEADER + quoted);
  store<u16>(icmp, checksum(covered + sum(icmp, ICMP_HEADER + quoted)), 2);
}
