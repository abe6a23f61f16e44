/** VXLAN payloads of any kind, valid and forged: the bytes after a UDP header. */
import { type Ip, ipToBytes, isIpv4, type Mac, macToBytes } from "../../src/net/index.ts";

export interface InnerPacket {
  readonly source: Ip;
  readonly destination: Ip;
  readonly destinationMac: Mac;
  readonly destinationPort: number;
}

export interface VxlanOptions {
  readonly vni?: number;
  /** An 802.1Q tag between the addresses and the type. */
  readonly vlan?: boolean;
  /** Overrides the type of the packet's family. */
  readonly etherType?: number;
}

export function vxlanPayload(inner: InnerPacket, options: VxlanOptions = {}): Buffer {
  const etherType = options.etherType ?? (isIpv4(inner.source) ? 0x0800 : 0x86dd);
  const packet = isIpv4(inner.source) ? ipv4Packet(inner) : ipv6(inner);
  return frame(inner.destinationMac, etherType, packet, options);
}

/** Makes a host that accepts it use `source` as its default router for half an hour. */
export function routerAdvertisementPayload(source: Ip, destinationMac: Mac): Buffer {
  const allNodes = Buffer.from("ff020000000000000000000000000001", "hex");
  // RFC 4861 section 4.2: type, code, checksum, hop limit, flags, lifetime of 1,800 s, and two unspecified timers.
  const message = Buffer.from("86000000400007080000000000000000", "hex");
  const packet = ipv6Packet(
    { source: ipToBytes(source), destination: allNodes, nextHeader: 58, hops: 255 },
    message,
    2,
  );
  return frame(destinationMac, 0x86dd, packet, {});
}

function frame(
  destinationMac: Mac,
  etherType: number,
  packet: Buffer,
  { vni = 1, vlan = false }: VxlanOptions,
): Buffer {
  const header = Buffer.alloc(8);
  header[0] = 0x08;
  header.writeUIntBE(vni, 4, 3);
  const type = Buffer.alloc(2);
  type.writeUInt16BE(etherType);
  return Buffer.concat([
    header,
    macToBytes(destinationMac),
    Buffer.from("020000000099", "hex"),
    vlan ? Buffer.from("81000001", "hex") : Buffer.alloc(0),
    type,
    packet,
  ]);
}

/** A UDP datagram of 4 bytes without a checksum, which IPv4 allows. */
export function ipv4Packet({
  source,
  destination,
  destinationPort,
}: Omit<InnerPacket, "destinationMac">): Buffer {
  const packet = Buffer.alloc(32);
  packet.writeUInt16BE(0x4500, 0);
  packet.writeUInt16BE(packet.length, 2);
  packet.set([64, 17], 8);
  packet.set(ipToBytes(source), 12);
  packet.set(ipToBytes(destination), 16);
  packet.writeUInt16BE(checksum(packet.subarray(0, 20)), 10);
  packet.writeUInt16BE(4000, 20);
  packet.writeUInt16BE(destinationPort, 22);
  packet.writeUInt16BE(12, 24);
  return packet;
}

function ipv6({ source, destination, destinationPort }: InnerPacket): Buffer {
  const datagram = Buffer.alloc(12);
  datagram.writeUInt16BE(4000, 0);
  datagram.writeUInt16BE(destinationPort, 2);
  datagram.writeUInt16BE(datagram.length, 4);
  const addresses = { source: ipToBytes(source), destination: ipToBytes(destination) };
  return ipv6Packet({ ...addresses, nextHeader: 17, hops: 64 }, datagram, 6);
}

interface Ipv6Header {
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly nextHeader: number;
  readonly hops: number;
}

/** @param checksumAt offset of the checksum in the payload; it is 0 there */
function ipv6Packet(header: Ipv6Header, payload: Buffer, checksumAt: number): Buffer {
  const { source, destination, nextHeader, hops } = header;
  // RFC 8200 section 8.1: the checksum also covers a pseudo-header of addresses, length and next header.
  const pseudo = Buffer.concat([
    source,
    destination,
    Buffer.from([0, 0, 0, payload.length, 0, 0, 0, nextHeader]),
  ]);
  const summed = Buffer.from(payload);
  summed.writeUInt16BE(checksum(Buffer.concat([pseudo, payload])), checksumAt);
  const fixed = Buffer.from([0x60, 0, 0, 0, 0, payload.length, nextHeader, hops]);
  return Buffer.concat([fixed, source, destination, summed]);
}

function checksum(bytes: Buffer): number {
  let sum = 0;
  for (let offset = 0; offset < bytes.length; offset += 2) sum += bytes.readUInt16BE(offset);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
