/**
 * TUN to UDP: turns packets that were read into messages to peers.
 *
 * `egressBegin` takes a batch of reads. `egressPass` processes it until the batch is done or the output is full; then
 * the caller sends the output and calls it again. A pass never blocks, and the size of the output bounds its work.
 */
import { destinationOf, isMulticast, isUnspecified, sourceOf } from "./address";
import { checksum, sum } from "./checksum";
import {
  BYTES,
  DROP_FOREIGN_DESTINATION,
  DROP_FOREIGN_SOURCE,
  DROP_LOOP,
  DROP_MULTICAST,
  DROP_NO_ROUTE,
  DROP_OFFLOAD,
  DROP_RUNT,
  DROP_TOO_BIG,
  DROP_TTL,
  FORWARDED,
  ICMP_TIME_EXCEEDED,
  ICMP_TOO_BIG,
  ICMP_UNREACHABLE,
  PACKETS,
  SEGMENTS,
  SUPER_PACKETS,
} from "./counter-index";
import { add, count } from "./counters";
import { Remote, isOurs, routeTo } from "./forwarding-table";
import {
  DONT_FRAGMENT,
  IPV4,
  Ipv4Header,
  VIRTIO_GSO_NONE,
  VIRTIO_HEADER,
  VIRTIO_NEEDS_CSUM,
  VirtioHeader,
} from "./headers";
import { resetHeaders } from "./header-space";
import { decrementHops, hopsLeft } from "./hop";
import { icmpError, icmpLength, resetIcmp } from "./icmp-errors";
import { Inner, parse } from "./inner";
import { nextIovec, pushIovec, resetIovecs } from "./iovecs";
import { beginPass, endPass, has, innerAt, lane } from "./lane";
import { EGRESS_SEGMENTS_MAX, OFFLOAD_SEND_RUNS, READS_AT, READ_BYTES } from "./layout";
import { MESSAGE_PAYLOAD_MAX, SEGMENTS_PER_MESSAGE, pushMessage } from "./messages";
import { Packet, Run, append, close, newRun, open, openRun, openRuns, resetRuns, runAt, runs } from "./runs";
import {
  cut,
  hasHeaderSpace,
  segmentBytes,
  segments,
  segmentsPerMessage,
  takeSuperPacket,
} from "./segmentation";
import { pushPlainWrite } from "./writes";

/** IPv6 requires a path MTU of at least 1,280 bytes (RFC 8200 section 5): below that the outer packet is fragmented. */
const IPV6_MTU_MIN: u32 = 1280;

let reads: u32 = 0;
let cursor: u32 = 0;
/** Segments already sent of the super-packet at the cursor. */
let segmentsDone: u32 = 0;
let segmentsLeft: u32 = 0;

/** Starts on `total` reads described at READS_AT. */
export function egressBegin(total: u32): void {
  reads = total;
  cursor = 0;
  segmentsDone = 0;
}

/** True once every read is processed. */
export function egressPass(nowMs: f64): bool {
  beginPass(nowMs);
  resetRuns();
  resetIovecs();
  resetHeaders();
  resetIcmp();
  segmentsLeft = EGRESS_SEGMENTS_MAX;
  while (cursor < reads && segmentsLeft != 0 && forward()) {
    count(PACKETS);
    cursor++;
    segmentsDone = 0;
  }
  for (let index: u32 = 0; index < runs(); index++) send(runAt(index));
  endPass();
  return cursor == reads;
}

/** Forwards one read. False if the output has no room for the rest of a super-packet. */
function forward(): bool {
  const read = lane + READS_AT + cursor * READ_BYTES;
  const at = load<usize>(read);
  const length = load<u32>(read, 4);
  const inner = changetype<Inner>(innerAt());
  const virtio = changetype<VirtioHeader>(at);
  if (length < VIRTIO_HEADER) return drop(DROP_RUNT);
  const fault = parse(inner, at + VIRTIO_HEADER, length - VIRTIO_HEADER);
  if (fault != 0) return drop(fault);

  const destination = destinationOf(inner.at, inner.family);
  if (isMulticast(destination, inner.family)) return drop(DROP_MULTICAST);
  if (isUnspecified(destination, inner.family)) return drop(DROP_FOREIGN_DESTINATION);
  if (!isOurs(sourceOf(inner.at, inner.family), inner.family)) return drop(DROP_FOREIGN_SOURCE);
  if (isOurs(destination, inner.family)) return drop(DROP_LOOP);
  const remote = routeTo(destination, inner.family);
  if (remote == null) return answer(inner, ICMP_UNREACHABLE, 0, DROP_NO_ROUTE);
  if (hopsLeft(inner.at, inner.family) <= 1) return answer(inner, ICMP_TIME_EXCEEDED, 0, DROP_TTL);

  const isSuper = virtio.gsoType != VIRTIO_GSO_NONE;
  let longest = inner.length;
  if (isSuper) {
    if (takeSuperPacket(inner, virtio) != 0) return drop(DROP_OFFLOAD);
    longest = segments > 1 ? segmentBytes() : longest;
  }
  const limit = inner.family == IPV4 ? remote.mtu : max<u32>(remote.mtu, IPV6_MTU_MIN);
  if (longest > limit && mustNotFragment(inner)) return answer(inner, ICMP_TOO_BIG, limit, DROP_TOO_BIG);
  if (longest > MESSAGE_PAYLOAD_MAX) return drop(DROP_TOO_BIG);

  if (isSuper) return sendSuperPacket(inner, remote);
  if ((virtio.flags & VIRTIO_NEEDS_CSUM) != 0 && !completeChecksum(inner, virtio)) return drop(DROP_OFFLOAD);
  decrementHops(inner.at, inner.family);
  enqueue(inner, remote);
  forwarded(inner, 1);
  return true;
}

/**
 * True for IPv6, and for IPv4 with DF. The kernel fragments the outer datagram of any other packet that exceeds the
 * path MTU.
 */
function mustNotFragment(inner: Inner): bool {
  return inner.family != IPV4 || (changetype<Ipv4Header>(inner.at).fragment & DONT_FRAGMENT) != 0;
}

function drop(reason: u32): bool {
  count(reason);
  return true;
}

/** Drops a packet and sends an ICMP error to its sender, who is behind the TUN. */
function answer(inner: Inner, kind: u32, mtu: u32, reason: u32): bool {
  const error = icmpError(inner, kind, mtu);
  if (error != 0) pushPlainWrite(error, icmpLength);
  return drop(reason);
}

function forwarded(inner: Inner, packets: u32): void {
  count(FORWARDED);
  add(BYTES, inner.length);
  add(SEGMENTS, packets);
}

/**
 * Completes the checksum that the kernel left to the device: its field holds the pseudo-header's sum. As in the
 * kernel's skb_checksum_help, a result of 0 is written as 0xffff, an equal value that does not mean "no checksum" in
 * UDP.
 */
function completeChecksum(inner: Inner, virtio: VirtioHeader): bool {
  const start = u32(virtio.csumStart);
  const field = start + virtio.csumOffset;
  if (field + 2 > inner.length) return false;
  const check = checksum(sum(inner.at + start, inner.length - start));
  store<u16>(inner.at + field, check == 0 ? 0xffff : check);
  return true;
}

/** Appends a packet to its peer's run, or starts a run. */
function enqueue(inner: Inner, remote: Remote): void {
  segmentsLeft--;
  let run = findRun(remote);
  if (run != null) {
    const fits = inner.length <= run.size && run.total + inner.length <= MESSAGE_PAYLOAD_MAX;
    if (fits) {
      append(run, inner.at, inner.length);
      if (inner.length < run.size || run.count == SEGMENTS_PER_MESSAGE) close(run);
      return;
    }
    close(run);
  }
  run = newRun(changetype<usize>(remote), inner.length);
  append(run, inner.at, inner.length);
  // The kernel accepts UDP_SEGMENT only if every datagram fits the path.
  if (has(OFFLOAD_SEND_RUNS) && inner.length <= remote.mtu) open(run);
}

function findRun(remote: Remote): Run | null {
  for (let index: u32 = 0; index < openRuns(); index++) {
    const run = openRun(index);
    if (run.key == changetype<usize>(remote)) return run;
  }
  return null;
}

function sendSuperPacket(inner: Inner, remote: Remote): bool {
  const run = findRun(remote);
  if (run != null) close(run);
  const mayJoin = has(OFFLOAD_SEND_RUNS) && segmentBytes() <= remote.mtu;
  const together = mayJoin ? segmentsPerMessage() : 1;
  while (segmentsDone < segments) {
    const wanted = min<u32>(together, segments - segmentsDone);
    if (wanted > segmentsLeft || !hasHeaderSpace(wanted)) return false;
    cut(remote, segmentsDone, wanted);
    segmentsDone += wanted;
    segmentsLeft -= wanted;
  }
  count(SUPER_PACKETS);
  forwarded(inner, segments);
  return true;
}

function send(run: Run): void {
  const remote = changetype<Remote>(run.key);
  if (run.iovecs != 0) {
    pushMessage(remote, run.iovecs, run.count * 2, run.count, run.size);
    return;
  }
  const iovecs = nextIovec();
  for (let at = run.first; at != 0; at = changetype<Packet>(at).next) {
    pushIovec(changetype<Packet>(at).at, changetype<Packet>(at).length);
  }
  pushMessage(remote, iovecs, run.count, run.count, run.size);
}
