/**
 * Which packets may be joined. A **flow** is all packets with the same addresses, ports and protocol. Packets of a flow
 * may be joined if their headers differ only in fields that segmentation restores. The rules are those of the kernel's
 * GRO (net/ipv4/af_inet.c inet_gro_receive, tcp_offload.c tcp_gro_receive, udp_offload.c).
 */
import { same } from "./address";
import {
  IPV4,
  IPV4_HEADER,
  IPV6_HEADER,
  PROTOCOL_TCP,
  TCP_ACK,
  TCP_HEADER,
  TCP_PSH,
  TcpHeader,
  UDP_HEADER,
  UdpHeader,
} from "./headers";
import { Inner } from "./inner";

@inline export function networkHeader(family: u32): u32 {
  return family == IPV4 ? IPV4_HEADER : IPV6_HEADER;
}

/** Length of the network and transport headers if this packet may be joined with others of its flow, else 0. */
export function joinableHeader(inner: Inner): u32 {
  return inner.protocol == PROTOCOL_TCP ? joinableTcp(inner) : joinableUdp(inner);
}

function joinableTcp(inner: Inner): u32 {
  if (inner.networkBytes + TCP_HEADER > inner.length) return 0;
  const tcp = changetype<TcpHeader>(inner.at + inner.networkBytes);
  const header = inner.networkBytes + ((u32(tcp.offset) >> 4) << 2);
  if (header < inner.networkBytes + TCP_HEADER || header >= inner.length) return 0;
  if ((tcp.offset & 0x0f) != 0 || (tcp.flags & ~TCP_PSH) != TCP_ACK) return 0;
  return header;
}

function joinableUdp(inner: Inner): u32 {
  const header = inner.networkBytes + UDP_HEADER;
  if (header >= inner.length) return 0;
  const udp = changetype<UdpHeader>(inner.at + inner.networkBytes);
  // All segments of a super-packet get a checksum, so datagrams without one are not joined.
  if (udp.check == 0 || u32(bswap<u16>(udp.length)) != inner.length - inner.networkBytes) return 0;
  return header;
}

/** The packet must have ports and no IP options. */
export function flowHash(inner: Inner): u32 {
  const ports = load<u32>(inner.at + inner.networkBytes);
  let mixed = inner.protocol ^ (ports * 0x9e3779b1);
  if (inner.family == IPV4) {
    mixed ^= load<u32>(inner.at, 12) * 0x85ebca77 + load<u32>(inner.at, 16);
  } else {
    const folded =
      load<u64>(inner.at, 8) ^
      (load<u64>(inner.at, 16) * 3) ^
      (load<u64>(inner.at, 24) * 5) ^
      (load<u64>(inner.at, 32) * 7);
    mixed ^= u32(folded) ^ u32(folded >> 32);
  }
  return mixed * 0xc2b2ae3d;
}

/** Both packets must be plain, and of the same family and protocol. */
export function isSameFlow(a: usize, b: usize, family: u32): bool {
  if (family == IPV4) return load<u64>(a, 12) == load<u64>(b, 12) && load<u32>(a, 20) == load<u32>(b, 20);
  return (
    same(v128.load(a, 8), v128.load(b, 8)) &&
    same(v128.load(a, 24), v128.load(b, 24)) &&
    load<u32>(a, 40) == load<u32>(b, 40)
  );
}

/** Whether headers are equal except for lengths, ids, checksums, sequence numbers and PSH; both have `header` bytes. */
export function hasSameHeaders(a: usize, b: usize, family: u32, protocol: u32, header: u32): bool {
  if (family == IPV4) {
    // Version and TOS; fragment bits; TTL and protocol.
    if (
      load<u16>(a) != load<u16>(b) ||
      load<u16>(a, 6) != load<u16>(b, 6) ||
      load<u16>(a, 8) != load<u16>(b, 8)
    )
      return false;
  } else if (load<u32>(a) != load<u32>(b) || load<u16>(a, 6) != load<u16>(b, 6)) {
    return false; // traffic class and flow label; hop limit
  }
  if (protocol != PROTOCOL_TCP) return true;
  const network = networkHeader(family);
  const ta = changetype<TcpHeader>(a + network);
  const tb = changetype<TcpHeader>(b + network);
  if (ta.acknowledgement != tb.acknowledgement || ta.offset != tb.offset || ta.window != tb.window)
    return false;
  if (ta.urgent != tb.urgent) return false;
  for (let at = network + TCP_HEADER; at < header; at += 4) {
    if (load<u32>(a + at) != load<u32>(b + at)) return false;
  }
  return true;
}
