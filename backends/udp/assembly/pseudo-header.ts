/**
 * The pseudo-header that TCP, UDP and ICMPv6 checksums cover (RFC 9293 section 3.1, RFC 8200 section 8.1).
 */
import { sum } from "./checksum";
import { IPV4 } from "./headers";

/** Its sum, for the packet at `packet` with `length` bytes of `protocol`. */
export function pseudoSum(packet: usize, family: u32, protocol: u32, length: u32): u64 {
  const addresses = family == IPV4 ? sum(packet + 12, 8) : sum(packet + 8, 32);
  return addresses + (u64(protocol) << 8) + u64(bswap<u16>(u16(length)));
}
