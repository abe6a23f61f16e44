/**
 * Messages for `sendmmsg`: one array for each family of outer addresses, since each has its own socket.
 *
 * A message with several packets carries UDP_SEGMENT: the kernel cuts its bytes into datagrams of that size,
 * the last may be shorter (Documentation/networking/segmentation-offloads.rst, net/ipv4/udp.c).
 */
import { MESSAGES } from "./counter-index";
import { count } from "./counters";
import { Remote } from "./forwarding-table";
import { IPV4 } from "./headers";
import { lane, native } from "./lane";
import {
  CONTROLS_AT,
  CONTROL_BYTES,
  IOVEC_BYTES,
  MESSAGES4_AT,
  MESSAGES4_COUNT_AT,
  MESSAGES6_AT,
  MESSAGES6_COUNT_AT,
  MESSAGES_MAX,
  MESSAGE_BYTES,
  NAMES_AT,
  NAME_BYTES,
} from "./layout";

/** UDP_MAX_SEGMENTS of all kernels with UDP_SEGMENT; later ones allow 128. */
export const SEGMENTS_PER_MESSAGE: u32 = 64;
/** 65,535 less an IPv4 and a UDP header. */
export const MESSAGE_PAYLOAD_MAX: u32 = 65507;

const SOL_UDP: i32 = 17;
const UDP_SEGMENT: i32 = 103;

/** struct mmsghdr. */
@unmanaged export class Message {
  name: u64;
  nameLength: u32;
  padding: u32;
  iovecs: u64;
  iovecCount: u64;
  control: u64;
  controlLength: u64;
  flags: u32;
  padding2: u32;
  length: u32;
  /** The number of packets in this message. It is padding to the kernel, which neither reads nor writes it. */
  segments: u32;
}

/** struct cmsghdr with a u16: CMSG_LEN(2) is 18, CMSG_SPACE(2) is 24. */
@unmanaged class SegmentControl {
  length: u64;
  level: i32;
  type: i32;
  segmentSize: u16;
}

/** Adds a message to `remote`: a list of iovecs with `segments` packets of `segmentSize` bytes. */
export function pushMessage(
  remote: Remote,
  iovecs: usize,
  iovecCount: u32,
  segments: u32,
  segmentSize: u32,
): void {
  const counter = lane + countAt(remote.family);
  const index = load<u32>(counter);
  store<u32>(counter, index + 1);
  count(MESSAGES);

  const row = (remote.family == IPV4 ? 0 : <u32>MESSAGES_MAX) + index;
  const name = lane + NAMES_AT + row * NAME_BYTES;
  // Copied, since the table may be rebuilt before the kernel reads the address.
  v128.store(name, v128.load(changetype<usize>(remote)));
  v128.store(name, v128.load(changetype<usize>(remote), 16), 16);

  const message = messageAt(remote.family, index);
  message.name = native + name;
  message.nameLength = remote.nameLength;
  message.iovecs = native + iovecs;
  message.iovecCount = iovecCount;
  message.flags = 0;
  message.length = 0;
  message.segments = segments;
  if (segments > 1) {
    const at = lane + CONTROLS_AT + row * CONTROL_BYTES;
    const control = changetype<SegmentControl>(at);
    control.length = 18;
    control.level = SOL_UDP;
    control.type = UDP_SEGMENT;
    control.segmentSize = u16(segmentSize);
    message.control = native + at;
    message.controlLength = 24;
  } else {
    message.control = 0;
    message.controlLength = 0;
  }
}

/**
 * Rewrites the messages from `first` on to one packet each, without an offload, for a kernel that refuses UDP_SEGMENT.
 * Returns the new number of messages. It works from the last to the first: no packet moves to a lower index than its
 * message, so nothing is overwritten before it is read.
 */
export function splitMessages(family: u32, first: u32): u32 {
  const before = load<u32>(lane + countAt(family));
  let after = first;
  for (let index = first; index < before; index++) after += messageAt(family, index).segments;
  let to = after;
  for (let index = before; index > first; ) {
    const message = messageAt(family, --index);
    const segments = message.segments;
    const iovecsEach = u32(message.iovecCount) / segments;
    const name = message.name;
    const nameLength = message.nameLength;
    const iovecs = message.iovecs;
    for (let segment = segments; segment > 0; ) {
      const single = messageAt(family, --to);
      segment--;
      single.name = name;
      single.nameLength = nameLength;
      single.iovecs = iovecs + segment * iovecsEach * IOVEC_BYTES;
      single.iovecCount = iovecsEach;
      single.control = 0;
      single.controlLength = 0;
      single.flags = 0;
      single.length = 0;
      single.segments = 1;
    }
  }
  store<u32>(lane + countAt(family), after);
  return after;
}

@inline function countAt(family: u32): usize {
  return family == IPV4 ? MESSAGES4_COUNT_AT : MESSAGES6_COUNT_AT;
}

@inline export function messageAt(family: u32, index: u32): Message {
  return changetype<Message>(lane + (family == IPV4 ? MESSAGES4_AT : MESSAGES6_AT) + index * MESSAGE_BYTES);
}
