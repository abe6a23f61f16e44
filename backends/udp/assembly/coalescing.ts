/**
 * Coalescing of packets into super-packets.
 *
 * Consecutive packets of a flow become one run with a single header, the first one rewritten; payloads are not copied.
 * A packet that cannot be joined ends its flow's run. A packet is joined only if its checksum is correct, since the
 * receiver gets a new checksum.
 */
import { checksum, fold, sum } from "./checksum";
import { SUPER_PACKETS } from "./counter-index";
import { count } from "./counters";
import { flowHash, hasSameHeaders, isSameFlow, joinableHeader, networkHeader } from "./flow";
import {
  DONT_FRAGMENT,
  IPV4,
  IPV6_HEADER,
  Ipv4Header,
  Ipv6Header,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  TCP_CHECK_OFFSET,
  TCP_PSH,
  TcpHeader,
  UDP_CHECK_OFFSET,
  UdpHeader,
  VIRTIO_GSO_TCPV4,
  VIRTIO_GSO_TCPV6,
  VIRTIO_GSO_UDP_L4,
  VIRTIO_HEADER,
  VIRTIO_NEEDS_CSUM,
  VirtioHeader,
} from "./headers";
import { copyHeader, takeHeader } from "./header-space";
import { Inner } from "./inner";
import { nextIovec, pushIovec } from "./iovecs";
import { has } from "./lane";
import { OFFLOAD_JOIN_TCP4, OFFLOAD_JOIN_TCP6, OFFLOAD_JOIN_UDP, SEGMENTS_PER_RUN_MAX } from "./layout";
import { pseudoSum } from "./pseudo-header";
import { Packet, Run, append, close, closeAll, newRun, open, openRun, openRuns } from "./runs";
import { pushPlainWrite, pushWrite } from "./writes";

/** Maximum of IPv4's 16-bit total length. */
const SUPER_PACKET_MAX: u32 = 65535;
/** UDP_GRO_CNT_MAX. */
const DATAGRAMS_PER_RUN: u32 = 64;

/**
 * The sequence of IPv4 ids in a run. Constant ids are harmless with DF, where the field has no meaning (RFC 6864
 * section 4.1).
 */
const IDS_UNKNOWN: u32 = 0;
const IDS_COUNT_UP: u32 = 1;
const IDS_CONSTANT: u32 = 2;

/** Appends the packet to its flow's run, or starts a run. */
export function join(inner: Inner): void {
  const protocol = inner.protocol;
  if (
    !inner.plain ||
    (protocol != PROTOCOL_TCP && protocol != PROTOCOL_UDP) ||
    inner.networkBytes + 4 > inner.length
  ) {
    closeAll(); // may belong to any flow: a later fragment has no ports
    alone(inner);
    return;
  }
  const hash = flowHash(inner);
  const run = findRun(inner, hash);
  const header = joinableHeader(inner);
  if (header == 0) {
    if (run != null) close(run);
    alone(inner);
    return;
  }
  const push =
    protocol == PROTOCOL_TCP && (changetype<TcpHeader>(inner.at + inner.networkBytes).flags & TCP_PSH) != 0;
  if (run != null) {
    if (continues(run, inner, header)) {
      const piece = inner.length - header;
      append(run, inner.at + header, piece);
      run.sequence += piece;
      run.push = push;
      if (push || piece < run.size || run.count == limitOf(protocol)) close(run);
      return;
    }
    close(run);
  }
  begin(inner, hash, header, push);
}

function alone(inner: Inner): void {
  const run = newRun(0, inner.length);
  run.head = inner.at;
  run.headerBytes = 0;
  append(run, inner.at, inner.length);
}

function begin(inner: Inner, hash: u32, header: u32, push: bool): void {
  const run = newRun(hash, inner.length - header);
  run.head = inner.at;
  run.family = inner.family;
  run.protocol = inner.protocol;
  run.headerBytes = header;
  run.push = push;
  if (inner.protocol == PROTOCOL_TCP) {
    run.sequence = bswap<u32>(changetype<TcpHeader>(inner.at + inner.networkBytes).sequence) + run.size;
  }
  append(run, inner.at + header, run.size);
  if (!push && mayJoin(inner)) open(run);
}

function mayJoin(inner: Inner): bool {
  if (inner.protocol == PROTOCOL_UDP) return has(OFFLOAD_JOIN_UDP);
  return has(inner.family == IPV4 ? OFFLOAD_JOIN_TCP4 : OFFLOAD_JOIN_TCP6);
}

@inline function limitOf(protocol: u32): u32 {
  return protocol == PROTOCOL_TCP ? <u32>SEGMENTS_PER_RUN_MAX : DATAGRAMS_PER_RUN;
}

function findRun(inner: Inner, hash: u32): Run | null {
  for (let index: u32 = 0; index < openRuns(); index++) {
    const run = openRun(index);
    if (run.key != hash || run.family != inner.family || run.protocol != inner.protocol) continue;
    if (isSameFlow(run.head, inner.at, inner.family)) return run;
  }
  return null;
}

function continues(run: Run, inner: Inner, header: u32): bool {
  const piece = inner.length - header;
  if (header != run.headerBytes || piece > run.size) return false;
  if (run.headerBytes + run.total + piece > SUPER_PACKET_MAX) return false;
  if (!hasSameHeaders(run.head, inner.at, run.family, run.protocol, header)) return false;
  if (run.protocol == PROTOCOL_TCP) {
    if (bswap<u32>(changetype<TcpHeader>(inner.at + inner.networkBytes).sequence) != run.sequence)
      return false;
  }
  const ids = run.family == IPV4 ? nextIds(run, inner) : IDS_COUNT_UP;
  if (ids == IDS_UNKNOWN) return false;
  if (!run.verified) {
    if (!hasRightChecksum(run.head, run.family, run.protocol, run.headerBytes + run.size)) return false;
    run.verified = true;
  }
  if (!hasRightChecksum(inner.at, run.family, run.protocol, inner.length)) return false;
  run.ids = ids;
  return true;
}

/** The sequence of the run's ids with this packet included; IDS_UNKNOWN if they form none. */
function nextIds(run: Run, inner: Inner): u32 {
  const ip = changetype<Ipv4Header>(inner.at);
  const step = u16(bswap<u16>(ip.id) - bswap<u16>(changetype<Ipv4Header>(run.head).id));
  if (run.ids != IDS_CONSTANT && step == u16(run.count)) return IDS_COUNT_UP;
  if (run.ids != IDS_COUNT_UP && step == 0 && (ip.fragment & DONT_FRAGMENT) != 0) return IDS_CONSTANT;
  return IDS_UNKNOWN;
}

function hasRightChecksum(packet: usize, family: u32, protocol: u32, length: u32): bool {
  const network = networkHeader(family);
  return (
    fold(pseudoSum(packet, family, protocol, length - network) + sum(packet + network, length - network)) ==
    0xffff
  );
}

/** Builds the write of a run. */
export function writeRun(run: Run): void {
  if (run.count == 1) {
    const packet = changetype<Packet>(run.first);
    pushPlainWrite(run.head, packet.length + run.headerBytes);
    return;
  }
  count(SUPER_PACKETS);
  const header = takeHeader(VIRTIO_HEADER + run.headerBytes);
  copyHeader(header + VIRTIO_HEADER, run.head, run.headerBytes);
  writeVirtioHeader(changetype<VirtioHeader>(header), run);
  writeHeaders(header + VIRTIO_HEADER, run);
  const iovecs = nextIovec();
  pushIovec(header, VIRTIO_HEADER + run.headerBytes);
  for (let at = run.first; at != 0; at = changetype<Packet>(at).next) {
    pushIovec(changetype<Packet>(at).at, changetype<Packet>(at).length);
  }
  pushWrite(iovecs, run.count + 1);
}

function writeVirtioHeader(virtio: VirtioHeader, run: Run): void {
  const isTcp = run.protocol == PROTOCOL_TCP;
  const tcpType = run.family == IPV4 ? VIRTIO_GSO_TCPV4 : VIRTIO_GSO_TCPV6;
  virtio.flags = VIRTIO_NEEDS_CSUM;
  virtio.gsoType = isTcp ? tcpType : VIRTIO_GSO_UDP_L4;
  virtio.headerLength = u16(run.headerBytes);
  virtio.gsoSize = u16(run.size);
  virtio.csumStart = u16(networkHeader(run.family));
  virtio.csumOffset = isTcp ? TCP_CHECK_OFFSET : UDP_CHECK_OFFSET;
}

function writeHeaders(at: usize, run: Run): void {
  const network = networkHeader(run.family);
  const length = run.headerBytes + run.total;
  if (run.family == IPV4) {
    const ip = changetype<Ipv4Header>(at);
    ip.totalLength = bswap<u16>(u16(length));
    ip.check = 0;
    ip.check = checksum(sum(at, network));
  } else {
    changetype<Ipv6Header>(at).payloadLength = bswap<u16>(u16(length - IPV6_HEADER));
  }
  // A partial checksum is the pseudo-header's sum, not complemented: the kernel adds the rest.
  const partial = u16(fold(pseudoSum(at, run.family, run.protocol, length - network)));
  if (run.protocol == PROTOCOL_TCP) {
    const tcp = changetype<TcpHeader>(at + network);
    if (run.push) tcp.flags |= TCP_PSH;
    tcp.check = partial;
  } else {
    const udp = changetype<UdpHeader>(at + network);
    udp.length = bswap<u16>(u16(length - network));
    udp.check = partial;
  }
}
