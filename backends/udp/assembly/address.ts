/**
 * An address is 128 bits as they lie in the packet; IPv4 is mapped as ::ffff:a.b.c.d (RFC 4291 section
 * 2.5.5.2), so both families share one table and one comparison.
 */
import { IPV4 } from "./headers";

/** Bytes 8 to 11 of a mapped address. */
const MAPPED: u64 = 0xffff0000;

@inline export function mapped(address: u32): v128 {
  return i64x2(0, i64((u64(address) << 32) | MAPPED));
}

@inline export function same(a: v128, b: v128): bool {
  return !v128.any_true(v128.xor(a, b));
}

@inline export function sourceOf(packet: usize, family: u32): v128 {
  return family == IPV4 ? mapped(load<u32>(packet, 12)) : v128.load(packet, 8);
}

@inline export function destinationOf(packet: usize, family: u32): v128 {
  return family == IPV4 ? mapped(load<u32>(packet, 16)) : v128.load(packet, 24);
}

export function isMulticast(address: v128, family: u32): bool {
  // 224.0.0.0/4 and, above it, the reserved class E with 255.255.255.255: neither holds unicast addresses.
  if (family == IPV4) return i8x16.extract_lane_u(address, 12) >= 224;
  return i8x16.extract_lane_u(address, 0) == 0xff;
}

export function isUnspecified(address: v128, family: u32): bool {
  if (family == IPV4) return i8x16.extract_lane_u(address, 12) == 0; // 0.0.0.0/8, "this network"
  return !v128.any_true(address);
}

export function isLoopback(address: v128, family: u32): bool {
  if (family == IPV4) return i8x16.extract_lane_u(address, 12) == 127;
  return i64x2.extract_lane(address, 0) == 0 && i64x2.extract_lane(address, 1) == i64(1) << 56;
}
