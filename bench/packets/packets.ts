/** Inner packets built from their fields, with correct checksums. */
import { type Ip, ipToBytes, isIpv4 } from "../../src/net/index.ts";
import { byte, checksumOf, concat, get16, set16, set32 } from "./bytes.ts";

export interface IpFields {
  readonly source: Ip;
  readonly destination: Ip;
  readonly ttl?: number;
  readonly tos?: number;
  /** IPv4 only. */
  readonly id?: number;
  readonly dontFragment?: boolean;
  readonly moreFragments?: boolean;
  /** In units of 8 bytes. */
  readonly fragmentOffset?: number;
  /** IPv4 options; a multiple of 4 bytes. */
  readonly options?: Uint8Array;
  /** IPv6 only. */
  readonly flowLabel?: number;
  /** Extension headers of IPv6 with the protocol number of the first; the last must name the transport. */
  readonly extensions?: { readonly first: number; readonly bytes: Uint8Array };
}

export interface TcpFields {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly sequence: number;
  readonly acknowledgement?: number;
  readonly flags?: number;
  readonly window?: number;
  /** A multiple of 4 bytes. */
  readonly options?: Uint8Array;
}

export const TCP = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16, urg: 32, ece: 64, cwr: 128 } as const;

export function tcpPacket(ip: IpFields, tcp: TcpFields, payload: Uint8Array): Uint8Array {
  const options = tcp.options ?? new Uint8Array(0);
  const header = new Uint8Array(20);
  set16(header, 0, tcp.sourcePort);
  set16(header, 2, tcp.destinationPort);
  set32(header, 4, tcp.sequence);
  set32(header, 8, tcp.acknowledgement ?? 0);
  header[12] = ((20 + options.length) / 4) << 4;
  header[13] = tcp.flags ?? TCP.ack;
  set16(header, 14, tcp.window ?? 512);
  const segment = concat(header, options, payload);
  set16(segment, 16, checksumOf(pseudoHeader(ip, 6, segment.length), segment));
  return ipPacket(ip, 6, segment);
}

export function udpPacket(
  ip: IpFields,
  ports: { readonly sourcePort: number; readonly destinationPort: number },
  payload: Uint8Array,
): Uint8Array {
  const header = new Uint8Array(8);
  set16(header, 0, ports.sourcePort);
  set16(header, 2, ports.destinationPort);
  set16(header, 4, 8 + payload.length);
  const datagram = concat(header, payload);
  set16(datagram, 6, checksumOf(pseudoHeader(ip, 17, datagram.length), datagram) || 0xffff);
  return ipPacket(ip, 17, datagram);
}

export function icmpPacket(ip: IpFields, type: number, code: number, rest: Uint8Array): Uint8Array {
  const protocol = isIpv4(ip.source) ? 1 : 58;
  const message = concat(Uint8Array.of(type, code, 0, 0), rest);
  const pseudo = protocol === 58 ? pseudoHeader(ip, 58, message.length) : new Uint8Array(0);
  set16(message, 2, checksumOf(pseudo, message));
  return ipPacket(ip, protocol, message);
}

export function ipPacket(ip: IpFields, protocol: number, payload: Uint8Array): Uint8Array {
  if (!isIpv4(ip.source)) return ip6Packet(ip, protocol, payload);
  const options = ip.options ?? new Uint8Array(0);
  const header = concat(new Uint8Array(20), options);
  header[0] = 0x40 | (header.length / 4);
  header[1] = ip.tos ?? 0;
  set16(header, 2, header.length + payload.length);
  set16(header, 4, ip.id ?? 0);
  const flags = ((ip.dontFragment ?? true) ? 0x4000 : 0) | (ip.moreFragments ? 0x2000 : 0);
  set16(header, 6, flags | (ip.fragmentOffset ?? 0));
  header[8] = ip.ttl ?? 64;
  header[9] = protocol;
  header.set(ipToBytes(ip.source), 12);
  header.set(ipToBytes(ip.destination), 16);
  set16(header, 10, checksumOf(header));
  return concat(header, payload);
}

function ip6Packet(ip: IpFields, protocol: number, payload: Uint8Array): Uint8Array {
  const extensions = ip.extensions?.bytes ?? new Uint8Array(0);
  const header = new Uint8Array(40);
  set32(header, 0, 0x60000000 + (ip.tos ?? 0) * 0x100000 + (ip.flowLabel ?? 0));
  set16(header, 4, extensions.length + payload.length);
  header[6] = ip.extensions?.first ?? protocol;
  header[7] = ip.ttl ?? 64;
  header.set(ipToBytes(ip.source), 8);
  header.set(ipToBytes(ip.destination), 24);
  return concat(header, extensions, payload);
}

function pseudoHeader(ip: IpFields, protocol: number, length: number): Uint8Array {
  return pseudoHeaderOf(ipToBytes(ip.source), ipToBytes(ip.destination), protocol, length);
}

export function pseudoHeaderOf(
  source: Uint8Array,
  destination: Uint8Array,
  protocol: number,
  length: number,
): Uint8Array {
  return concat(source, destination, Uint8Array.of(0, protocol, length >>> 8, length & 255));
}

// Decoding of packets, only without options and extension headers.

export function isV4(packet: Uint8Array): boolean {
  return byte(packet, 0) >>> 4 === 4;
}

export function networkBytes(packet: Uint8Array): number {
  return isV4(packet) ? (byte(packet, 0) & 15) * 4 : 40;
}

export function protocolOf(packet: Uint8Array): number {
  return byte(packet, isV4(packet) ? 9 : 6);
}

export function headerBytes(packet: Uint8Array): number {
  const network = networkBytes(packet);
  return protocolOf(packet) === 17 ? network + 8 : network + (byte(packet, network + 12) >>> 4) * 4;
}

export function pseudoHeaderIn(packet: Uint8Array, length: number): Uint8Array {
  const [from, size] = isV4(packet) ? [12, 4] : [8, 16];
  return pseudoHeaderOf(
    packet.subarray(from, from + size),
    packet.subarray(from + size, from + 2 * size),
    protocolOf(packet),
    length,
  );
}

/** The packet one hop later, with its IPv4 checksum recomputed. */
export function oneHopLater(packet: Uint8Array): Uint8Array {
  const later = packet.slice();
  if (!isV4(packet)) {
    later[7] = byte(later, 7) - 1;
    return later;
  }
  later[8] = byte(later, 8) - 1;
  set16(later, 10, 0);
  set16(later, 10, checksumOf(later.subarray(0, networkBytes(later))));
  return later;
}

/** IPv4 header and transport checksum, for packets that carry TCP or UDP and are no fragments. */
export function hasRightChecksums(packet: Uint8Array): boolean {
  const network = networkBytes(packet);
  if (isV4(packet) && checksumOf(packet.subarray(0, network)) !== 0) return false;
  const transport = packet.subarray(network, isV4(packet) ? get16(packet, 2) : undefined);
  return checksumOf(pseudoHeaderIn(packet, transport.length), transport) === 0;
}
