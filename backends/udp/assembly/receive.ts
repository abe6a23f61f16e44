/** Input and output of `recvmmsg`: messages, each of one datagram or of several that the kernel merged (UDP_GRO). */
import { mapped } from "./address";
import { Iovec } from "./iovecs";
import { lane, native } from "./lane";
import {
  RECEIVE_CONTROLS_AT,
  RECEIVE_CONTROL_BYTES,
  RECEIVE_IOVECS_AT,
  RECEIVE_MAX,
  RECEIVE_MESSAGES_AT,
  RECEIVE_NAMES_AT,
  RECEIVE_SLOTS_AT,
  RECEIVE_SLOT_BYTES,
  RECEIVE_STRIDE,
  IOVEC_BYTES,
  MESSAGE_BYTES,
  NAME_BYTES,
} from "./layout";
import { Message } from "./messages";

const AF_INET: u16 = 2;
const AF_INET6: u16 = 10;
const MSG_TRUNC: u32 = 0x20;
const SOL_UDP: i32 = 17;
const UDP_GRO: i32 = 104;
/** struct cmsghdr; data follows. */
const CONTROL_HEADER: u32 = 16;

/** Prepares the first `count` messages for `recvmmsg`, as the kernel overwrites their lengths and flags. */
export function prepareReceive(count: u32): void {
  for (let index: u32 = 0; index < min<u32>(count, RECEIVE_MAX); index++) {
    const iovec = lane + RECEIVE_IOVECS_AT + index * IOVEC_BYTES;
    changetype<Iovec>(iovec).base = native + slotAt(index);
    changetype<Iovec>(iovec).length = RECEIVE_SLOT_BYTES;
    const message = received(index);
    message.name = native + nameAt(index);
    message.nameLength = NAME_BYTES;
    message.iovecs = native + iovec;
    message.iovecCount = 1;
    message.control = native + controlAt(index);
    message.controlLength = RECEIVE_CONTROL_BYTES;
    message.flags = 0;
    message.length = 0;
  }
}

@inline export function received(index: u32): Message {
  return changetype<Message>(lane + RECEIVE_MESSAGES_AT + index * MESSAGE_BYTES);
}
@inline export function slotAt(index: u32): usize {
  return lane + RECEIVE_SLOTS_AT + index * RECEIVE_STRIDE;
}
@inline function nameAt(index: u32): usize {
  return lane + RECEIVE_NAMES_AT + index * NAME_BYTES;
}
@inline function controlAt(index: u32): usize {
  return lane + RECEIVE_CONTROLS_AT + index * RECEIVE_CONTROL_BYTES;
}

@inline export function wasCut(message: Message): bool {
  return (message.flags & MSG_TRUNC) != 0 || message.length > <u32>RECEIVE_SLOT_BYTES;
}

/** Zero if the name is neither an IPv4 nor an IPv6 socket address. */
export function senderAddress(index: u32): v128 {
  const name = nameAt(index);
  const family = load<u16>(name);
  if (family == AF_INET) return mapped(load<u32>(name, 4));
  if (family == AF_INET6) return v128.load(name, 8);
  return i64x2.splat(0);
}

/** In network order. */
export function senderPort(index: u32): u16 {
  return load<u16>(nameAt(index), 2);
}

/** Size of each merged datagram, of which the last may be shorter; the whole length if the kernel merged none. */
export function datagramBytes(index: u32): u32 {
  const message = received(index);
  const end = min<u32>(u32(message.controlLength), RECEIVE_CONTROL_BYTES);
  const control = controlAt(index);
  let offset: u32 = 0;
  while (offset + CONTROL_HEADER + 4 <= end) {
    const length = load<u32>(control + offset);
    if (load<i32>(control + offset, 8) == SOL_UDP && load<i32>(control + offset, 12) == UDP_GRO) {
      const size = load<u32>(control + offset, CONTROL_HEADER);
      return size == 0 ? message.length : min<u32>(size, message.length);
    }
    if (length < CONTROL_HEADER || length > end) break;
    offset += (length + 7) & ~7;
  }
  return message.length;
}
