/**
 * Headers as laid out in a packet. Multi-byte numbers are in network order: read and write them through `bswap`, except
 * for comparison and sums.
 */

export const IPV4: u32 = 4;
export const IPV6: u32 = 6;
export const IPV4_HEADER: u32 = 20;
export const IPV6_HEADER: u32 = 40;
export const UDP_HEADER: u32 = 8;
export const TCP_HEADER: u32 = 20;
export const ICMP_HEADER: u32 = 8;

export const PROTOCOL_ICMP: u32 = 1;
export const PROTOCOL_TCP: u32 = 6;
export const PROTOCOL_UDP: u32 = 17;
export const PROTOCOL_ICMP6: u32 = 58;
/** No protocol: the header chain ends before it names one. */
export const PROTOCOL_UNKNOWN: u32 = 256;

@unmanaged export class Ipv4Header {
  versionLength: u8;
  tos: u8;
  totalLength: u16;
  id: u16;
  fragment: u16;
  ttl: u8;
  protocol: u8;
  check: u16;
  source: u32;
  destination: u32;
}
/** Bits of `fragment`, in memory order. */
export const DONT_FRAGMENT: u16 = 0x0040;
export const MORE_FRAGMENTS: u16 = 0x0020;
export const FRAGMENT_OFFSET: u16 = 0xff1f;

@unmanaged export class Ipv6Header {
  flow: u32;
  payloadLength: u16;
  nextHeader: u8;
  hopLimit: u8;
}

@unmanaged export class TcpHeader {
  sourcePort: u16;
  destinationPort: u16;
  sequence: u32;
  acknowledgement: u32;
  /** Header length in words, high four bits; the low four are reserved, and accurate ECN. */
  offset: u8;
  flags: u8;
  window: u16;
  check: u16;
  urgent: u16;
}
export const TCP_FIN: u8 = 0x01;
export const TCP_PSH: u8 = 0x08;
export const TCP_ACK: u8 = 0x10;
export const TCP_CWR: u8 = 0x80;
export const TCP_CHECK_OFFSET: u16 = 16;

@unmanaged export class UdpHeader {
  sourcePort: u16;
  destinationPort: u16;
  length: u16;
  check: u16;
}
export const UDP_CHECK_OFFSET: u16 = 6;

/** struct virtio_net_hdr (linux/virtio_net.h), in the machine's byte order; 10 bytes. */
@unmanaged export class VirtioHeader {
  flags: u8;
  gsoType: u8;
  headerLength: u16;
  gsoSize: u16;
  csumStart: u16;
  csumOffset: u16;
}
export const VIRTIO_HEADER: u32 = 10;
export const VIRTIO_NEEDS_CSUM: u8 = 1;
export const VIRTIO_GSO_NONE: u8 = 0;
export const VIRTIO_GSO_TCPV4: u8 = 1;
export const VIRTIO_GSO_TCPV6: u8 = 4;
export const VIRTIO_GSO_UDP_L4: u8 = 5;
/** With a TCP type: the super-packet's CWR flag belongs to its first segment only. */
export const VIRTIO_GSO_ECN: u8 = 0x80;
