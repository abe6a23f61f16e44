/** VXLAN payloads of any kind, right and wrong: what stands behind a UDP header. */
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
  /** In place of what the packet's family says. */
  readonly etherType?: number;
}

export function vxlanPayload(inner: InnerPacket, options: VxlanOptions = {}): Buffer {
  const { vni = 1, vlan = false } = options;
  const etherType = options.etherType ?? (isIpv4(inner.source) ? 0x0800 : 0x86dd);
  const header = Buffer.alloc(8);
  header[0] = 0x08;
  header.writeUIntBE(vni, 4, 3);
  const type = Buffer.alloc(2);
  type.writeUInt16BE(etherType);
  return Buffer.concat([
    header,
    macToBytes(inner.destinationMac),
    Buffer.from("020000000099", "hex"),
    vlan ? Buffer.from("81000001", "hex") : Buffer.alloc(0),
    type,
    isIpv4(inner.source) ? ipv4(inner) : ipv6(inner),
  ]);
}

/** A UDP datagram of 4 bytes without a checksum, which IPv4 allows. */
function ipv4({ source, destination, destinationPort }: InnerPacket): Buffer {
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
  const packet = Buffer.alloc(52);
  packet[0] = 0x60;
  packet.writeUInt16BE(12, 4);
  packet.set([17, 64], 6);
  packet.set(ipToBytes(source), 8);
  packet.set(ipToBytes(destination), 24);
  packet.writeUInt16BE(4000, 40);
  packet.writeUInt16BE(destinationPort, 42);
  packet.writeUInt16BE(12, 44);
  // RFC 8200 section 8.1: over a pseudo-header of addresses, length and next header.
  const pseudo = Buffer.concat([packet.subarray(8, 40), Buffer.from([0, 0, 0, 12, 0, 0, 0, 17])]);
  packet.writeUInt16BE(checksum(Buffer.concat([pseudo, packet.subarray(40)])), 46);
  return packet;
}

function checksum(bytes: Buffer): number {
  let sum = 0;
  for (let offset = 0; offset < bytes.length; offset += 2) sum += bytes.readUInt16BE(offset);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
