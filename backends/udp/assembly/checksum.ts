/**
 * The Internet checksum (RFC 1071), 16 bytes at a time.
 *
 * Words are added in the machine's byte order (little-endian in WebAssembly): the sum is byte-swapped and stored as
 * such, so no bytes are ever swapped. A **sum** is unfolded, of any width; `fold` reduces it to 16 bits; a checksum is
 * the complement of a folded sum.
 */

/**
 * Sum of `length` bytes, the last padded with zero if their number is odd. Lanes of 32 bits add pairs of 16-bit words:
 * they cannot overflow below half a MiB.
 */
export function sum(at: usize, length: u32): u64 {
  let a = i32x4.splat(0);
  let b = i32x4.splat(0);
  const end = at + length;
  while (at + 64 <= end) {
    a = i32x4.add(a, i32x4.extadd_pairwise_i16x8_u(v128.load(at)));
    b = i32x4.add(b, i32x4.extadd_pairwise_i16x8_u(v128.load(at, 16)));
    a = i32x4.add(a, i32x4.extadd_pairwise_i16x8_u(v128.load(at, 32)));
    b = i32x4.add(b, i32x4.extadd_pairwise_i16x8_u(v128.load(at, 48)));
    at += 64;
  }
  while (at + 16 <= end) {
    a = i32x4.add(a, i32x4.extadd_pairwise_i16x8_u(v128.load(at)));
    at += 16;
  }
  a = i32x4.add(a, b);
  let total =
    u64(u32(i32x4.extract_lane(a, 0))) +
    u64(u32(i32x4.extract_lane(a, 1))) +
    u64(u32(i32x4.extract_lane(a, 2))) +
    u64(u32(i32x4.extract_lane(a, 3)));
  while (at + 4 <= end) {
    total += load<u32>(at);
    at += 4;
  }
  if (at + 2 <= end) {
    total += load<u16>(at);
    at += 2;
  }
  if (at < end) total += load<u8>(at);
  return total;
}

export function fold(total: u64): u32 {
  total = (total & 0xffffffff) + (total >> 32);
  total = (total & 0xffff) + ((total >> 16) & 0xffff) + (total >> 32);
  total = (total & 0xffff) + (total >> 16);
  return u32((total & 0xffff) + (total >> 16));
}

@inline export function checksum(total: u64): u16 {
  return u16(~fold(total));
}

/** Decrements the TTL, the low byte of the word at +8, and adds the difference to the checksum (RFC 1624, RFC 1141). */
@inline export function decrementTtl4(at: usize): void {
  store<u8>(at, load<u8>(at, 8) - 1, 8);
  const raised = u32(load<u16>(at, 10)) + 1;
  store<u16>(at, u16(raised + u32(raised >= 0xffff)), 10);
}
