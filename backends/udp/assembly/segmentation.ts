/**
 * Segmentation of super-packets.
 *
 * **Super-packet**: up to 64 KiB of one TCP or UDP flow behind one header, as the kernel passes them to a device with
 * TSO and USO. **Segment**: one packet of it on the wire: a header of its own, written here, and a piece of the
 * payload, which is not copied. The rules are those of the kernel's own segmentation (net/ipv4/af_inet.c
 * inet_gso_segment, tcp_offload.c tcp_gso_segment, udp_offload.c __udp_gso_segment).
 */
import { checksum, sum } from "./checksum";
import { DROP_OFFLOAD } from "./counter-index";
import { Remote } from "./forwarding-table";
import {
  IPV4,
  IPV6_HEADER,
  Ipv4Header,
  Ipv6Header,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  TCP_CWR,
  TCP_FIN,
  TCP_HEADER,
  TCP_PSH,
  TcpHeader,
  UDP_HEADER,
  UdpHeader,
  VIRTIO_GSO_ECN,
  VIRTIO_GSO_TCPV4,
  VIRTIO_GSO_TCPV6,
  VIRTIO_GSO_UDP_L4,
  VIRTIO_NEEDS_CSUM,
  VirtioHeader,
} from "./headers";
import { copyHeader, headerBytesLeft, takeHeader } from "./header-space";
import { decrementHops } from "./hop";
import { Inner } from "./inner";
import { nextIovec, pushIovec } from "./iovecs";
import { HEADER_MAX } from "./layout";
import { MESSAGE_PAYLOAD_MAX, SEGMENTS_PER_MESSAGE } from "./messages";
import { pseudoSum } from "./pseudo-header";
import { newRun } from "./runs";

// The current super-packet.
let packet: usize = 0;
let family: u32 = 0;
let protocol: u32 = 0;
let networkBytes: u32 = 0;
let payloadBytes: u32 = 0;
/** Payload bytes of every segment but the last. */
let pieceBytes: u32 = 0;
/** Network and transport header. */
export let headerBytes: u32 = 0;
export let segments: u32 = 0;

/** Bytes of every segment but the last. */
@inline export function segmentBytes(): u32 {
  return headerBytes + pieceBytes;
}

/** Starts on a super-packet. Returns 0, or DROP_OFFLOAD if its headers contradict the virtio-net header. */
export function takeSuperPacket(inner: Inner, virtio: VirtioHeader): u32 {
  const type = virtio.gsoType & ~VIRTIO_GSO_ECN;
  const isTcp = type == (inner.family == IPV4 ? VIRTIO_GSO_TCPV4 : VIRTIO_GSO_TCPV6);
  if (!isTcp && type != VIRTIO_GSO_UDP_L4) return DROP_OFFLOAD;
  if (inner.fragment || inner.routed || virtio.gsoSize == 0) return DROP_OFFLOAD;
  protocol = isTcp ? PROTOCOL_TCP : PROTOCOL_UDP;
  if (inner.protocol != protocol) return DROP_OFFLOAD;

  const least = inner.networkBytes + (isTcp ? TCP_HEADER : UDP_HEADER);
  if (least > inner.length) return DROP_OFFLOAD;
  packet = inner.at;
  family = inner.family;
  networkBytes = inner.networkBytes;
  headerBytes = least;
  if (isTcp)
    headerBytes = networkBytes + ((u32(changetype<TcpHeader>(packet + networkBytes).offset) >> 4) << 2);
  if (headerBytes < least || headerBytes > <u32>HEADER_MAX || headerBytes >= inner.length)
    return DROP_OFFLOAD;
  if ((virtio.flags & VIRTIO_NEEDS_CSUM) != 0 && u32(virtio.csumStart) != networkBytes) return DROP_OFFLOAD;

  payloadBytes = inner.length - headerBytes;
  pieceBytes = virtio.gsoSize;
  segments = (payloadBytes + pieceBytes - 1) / pieceBytes;
  return 0;
}

/**
 * Packets in each message: as few messages as the kernel's limits allow, of equal size, the last with the rest. Even
 * messages spread better over the receiver's buffers than a full and a tiny one.
 */
export function segmentsPerMessage(): u32 {
  const fit = max<u32>(1, min<u32>(SEGMENTS_PER_MESSAGE, MESSAGE_PAYLOAD_MAX / segmentBytes()));
  const messages = (segments + fit - 1) / fit;
  return (segments + messages - 1) / messages;
}

@inline export function hasHeaderSpace(count: u32): bool {
  return headerBytesLeft() >= count * ((headerBytes + 15) & ~15);
}

/** Cuts `count` segments from `first` on into one message, as a complete run. */
export function cut(remote: Remote, first: u32, count: u32): void {
  const iovecs = nextIovec();
  let total: u32 = 0;
  for (let index = first; index < first + count; index++) {
    const offset = index * pieceBytes;
    const piece = min<u32>(pieceBytes, payloadBytes - offset);
    const payload = packet + headerBytes + offset;
    const header = takeHeader(headerBytes);
    copyHeader(header, packet, headerBytes);
    writeNetworkHeader(header, index, headerBytes + piece);
    if (protocol == PROTOCOL_TCP) writeTcpHeader(header, index, payload, piece);
    else writeUdpHeader(header, payload, piece);
    pushIovec(header, headerBytes);
    pushIovec(payload, piece);
    total += headerBytes + piece;
  }
  const run = newRun(changetype<usize>(remote), segmentBytes());
  run.count = count;
  run.total = total;
  run.iovecs = iovecs;
}

function writeNetworkHeader(header: usize, index: u32, length: u32): void {
  decrementHops(header, family);
  if (family != IPV4) {
    changetype<Ipv6Header>(header).payloadLength = bswap<u16>(u16(length - IPV6_HEADER));
    return;
  }
  const ip = changetype<Ipv4Header>(header);
  ip.totalLength = bswap<u16>(u16(length));
  ip.id = bswap<u16>(u16(u32(bswap<u16>(ip.id)) + index));
  ip.check = 0;
  ip.check = checksum(sum(header, networkBytes));
}

function writeTcpHeader(header: usize, index: u32, payload: usize, piece: u32): void {
  const at = header + networkBytes;
  const tcp = changetype<TcpHeader>(at);
  tcp.sequence = bswap<u32>(bswap<u32>(tcp.sequence) + index * pieceBytes);
  // FIN and PSH go with the last segment, CWR with the first.
  if (index + 1 != segments) tcp.flags &= ~(TCP_FIN | TCP_PSH);
  if (index != 0) tcp.flags &= ~TCP_CWR;
  tcp.check = 0;
  const header4 = headerBytes - networkBytes;
  tcp.check = checksum(
    pseudoSum(header, family, protocol, header4 + piece) + sum(at, header4) + sum(payload, piece),
  );
}

function writeUdpHeader(header: usize, payload: usize, piece: u32): void {
  const at = header + networkBytes;
  const udp = changetype<UdpHeader>(at);
  udp.length = bswap<u16>(u16(UDP_HEADER + piece));
  udp.check = 0;
  const length = UDP_HEADER + piece;
  const check = checksum(
    pseudoSum(header, family, protocol, length) + sum(at, UDP_HEADER) + sum(payload, piece),
  );
  udp.check = check == 0 ? 0xffff : check; // 0 means "no checksum"
}
