/** ICMP echo messages (RFC 792, RFC 4443 section 4): an 8-byte header, then Tweed's own 32-bit count. */
import type { Family } from "../net/index.ts";

/** Identifies the prober, so that several on one host ignore each other's replies. */
export interface Echo {
  readonly identifier: number;
  /** Increments without wrapping at 16 bits as the sequence field does. */
  readonly count: number;
}

const ECHO_REQUEST: Record<Family, number> = { v4: 8, v6: 128 };
const ECHO_REPLY: Record<Family, number> = { v4: 0, v6: 129 };
const HEADER_BYTES = 8;
const MIN_BYTES = HEADER_BYTES + 4;

/** @param payloadBytes bytes after the ICMP header, at least 4; ping sends 56 */
export function encodeEchoRequest(family: Family, echo: Echo, payloadBytes: number): Buffer {
  const message = Buffer.alloc(HEADER_BYTES + Math.max(4, payloadBytes));
  message.writeUInt8(ECHO_REQUEST[family], 0);
  message.writeUInt16BE(echo.identifier, 4);
  message.writeUInt16BE(echo.count & 0xffff, 6);
  message.writeUInt32BE(echo.count, HEADER_BYTES);
  // For IPv6 the kernel writes the checksum itself (RFC 3542 section 3.1).
  if (family === "v4") message.writeUInt16BE(internetChecksum(message), 2);
  return message;
}

/** The echo of a reply, or null for any other message. A raw IPv4 socket hands over the IP header as well. */
export function decodeEchoReply(family: Family, packet: Buffer): Echo | null {
  const start = family === "v4" ? ((packet[0] ?? 0) & 0x0f) * 4 : 0;
  if (packet.length < start + MIN_BYTES || packet[start] !== ECHO_REPLY[family]) return null;
  return { identifier: packet.readUInt16BE(start + 4), count: packet.readUInt32BE(start + HEADER_BYTES) };
}

/** RFC 1071, for a message of even length. */
function internetChecksum(message: Buffer): number {
  let sum = 0;
  for (let offset = 0; offset + 1 < message.length; offset += 2) sum += message.readUInt16BE(offset);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
