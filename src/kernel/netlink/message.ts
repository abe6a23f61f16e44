/**
 * Netlink framing: a datagram is a run of messages, each with a 16-byte header, padded to 4 bytes
 * (struct nlmsghdr, linux/netlink.h). Numbers are in host order, which is little-endian on x86-64 and arm64.
 */
import { malformed } from "./malformed.ts";

export const HEADER_BYTES = 16;

export const NLMSG = { error: 2, done: 3 } as const;

/** Header flags. Some numbers have different meanings in requests and in answers. */
export const NLM_F = {
  request: 0x1,
  /** One of several messages that a {@link NLMSG.done} ends. */
  multi: 0x2,
  ack: 0x4,
  /** The table changed during the dump: entries may be missing or duplicate. */
  dumpInterrupted: 0x10,
  replace: 0x100,
  exclusive: 0x200,
  create: 0x400,
  /** NLM_F_ROOT | NLM_F_MATCH */
  dump: 0x300,
  /** In an acknowledgement: the request is not quoted in full. */
  capped: 0x100,
  /** In an acknowledgement: attributes follow (NLMSGERR_ATTR_*). */
  ackTlvs: 0x200,
} as const;

export interface Message {
  readonly type: number;
  readonly flags: number;
  /** Of the request that this answers; 0 in notifications. */
  readonly sequence: number;
  /**
   * What follows the header. In a received message it is a view of the receive buffer, with the datagram's lifetime.
   */
  readonly body: Uint8Array;
}

/** `length` rounded up to the alignment (NLMSG_ALIGN and NLA_ALIGN, both 4). */
export function align(length: number): number {
  return (length + 3) & ~3;
}

/** @throws TweedError `netlink-malformed` */
export function readMessages(datagram: Uint8Array): Message[] {
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength);
  const messages: Message[] = [];
  for (let offset = 0; offset < datagram.length; ) {
    if (datagram.length - offset < HEADER_BYTES) {
      throw malformed("netlink message", `${datagram.length - offset} bytes where a header should be`);
    }
    const length = view.getUint32(offset, true);
    if (length < HEADER_BYTES || length > datagram.length - offset) {
      throw malformed("netlink message", `length ${length} with ${datagram.length - offset} bytes left`);
    }
    messages.push({
      type: view.getUint16(offset + 4, true),
      flags: view.getUint16(offset + 6, true),
      sequence: view.getUint32(offset + 8, true),
      body: datagram.subarray(offset + HEADER_BYTES, offset + length),
    });
    offset += align(length);
  }
  return messages;
}

/** Encodes messages into one datagram; the kernel fills in the port id. */
export function writeMessages(messages: readonly Message[]): Uint8Array {
  const total = messages.reduce((sum, message) => sum + HEADER_BYTES + align(message.body.length), 0);
  const datagram = new Uint8Array(total);
  const view = new DataView(datagram.buffer);
  let offset = 0;
  for (const message of messages) {
    view.setUint32(offset, HEADER_BYTES + message.body.length, true);
    view.setUint16(offset + 4, message.type, true);
    view.setUint16(offset + 6, message.flags, true);
    view.setUint32(offset + 8, message.sequence, true);
    datagram.set(message.body, offset + HEADER_BYTES);
    offset += HEADER_BYTES + align(message.body.length);
  }
  return datagram;
}
