/** Reads a capture as flannel's udp wire format: each datagram one IP packet and nothing else. */
import { readFile } from "node:fs/promises";

/** struct pcap_file_header and its records' headers, little-endian (pcap-savefile(5)). */
const FILE_HEADER_BYTES = 24;
const RECORD_HEADER_BYTES = 16;
const ETHERNET_BYTES = 14;
const UDP_HEADER_BYTES = 8;

export interface BareDatagram {
  /** "198.18.1.1" to "198.18.1.9" */
  readonly outer: string;
  readonly inner: string;
  readonly protocol: number;
  readonly fragment: boolean;
  readonly bytes: number;
}

/** @throws Error that names the datagram that is not exactly one IPv4 packet with a correct header checksum */
export async function readBareDatagrams(file: string): Promise<readonly BareDatagram[]> {
  const capture = await readFile(file);
  const datagrams: BareDatagram[] = [];
  for (let at = FILE_HEADER_BYTES; at < capture.length; ) {
    const length = capture.readUInt32LE(at + 8);
    const frame = capture.subarray(at + RECORD_HEADER_BYTES, at + RECORD_HEADER_BYTES + length);
    at += RECORD_HEADER_BYTES + length;
    const outer = frame.subarray(ETHERNET_BYTES);
    const udp = outer.subarray(headerBytes(outer));
    const packet = udp.subarray(UDP_HEADER_BYTES, udp.readUInt16BE(4));
    const place = `datagram ${datagrams.length + 1}`;
    if (packet[0] === undefined || packet[0] >> 4 !== 4) throw new Error(`${place} holds no IPv4 packet`);
    if (packet.readUInt16BE(2) !== packet.length) {
      throw new Error(`${place}: ${packet.length} bytes for a packet of ${packet.readUInt16BE(2)}`);
    }
    if (sum(packet.subarray(0, headerBytes(packet))) !== 0xffff) throw new Error(`${place}: header checksum`);
    datagrams.push({
      outer: ends(outer),
      inner: ends(packet),
      protocol: packet.readUInt8(9),
      fragment: (packet.readUInt16BE(6) & 0x3fff) !== 0,
      bytes: packet.length,
    });
  }
  return datagrams;
}

function headerBytes(ip: Buffer): number {
  return (ip.readUInt8(0) & 15) * 4;
}

function ends(ip: Buffer): string {
  const [from, to] = [12, 16].map((at) => [...ip.subarray(at, at + 4)].join("."));
  return `${from} > ${to}`;
}

/** Ones' complement sum (RFC 1071); 0xffff over a header with a correct checksum. */
function sum(bytes: Buffer): number {
  let total = 0;
  for (let at = 0; at < bytes.length; at += 2) total += bytes.readUInt16BE(at);
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
  return total;
}
