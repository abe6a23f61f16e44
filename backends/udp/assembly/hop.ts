/** One hop: TTL (IPv4) or hop limit (IPv6). */
import { decrementTtl4 } from "./checksum";
import { IPV4 } from "./headers";

@inline export function hopsLeft(packet: usize, family: u32): u32 {
  return family == IPV4 ? load<u8>(packet, 8) : load<u8>(packet, 7);
}

@inline export function decrementHops(packet: usize, family: u32): void {
  if (family == IPV4) decrementTtl4(packet);
  else store<u8>(packet, load<u8>(packet, 7) - 1, 7);
}
