/** Super-packets and what Linux cuts them into: the oracle for segmentation. */
import { byte, checksumOf, concat, get16, get32, set16, set32 } from "./bytes.ts";
import { headerBytes, isV4, networkBytes, protocolOf, pseudoHeaderIn, TCP } from "./packets.ts";

/** struct virtio_net_hdr. */
export interface Virtio {
  readonly flags: number;
  readonly gsoType: number;
  readonly headerLength: number;
  readonly gsoSize: number;
  readonly csumStart: number;
  readonly csumOffset: number;
}

export const GSO = { none: 0, tcp4: 1, tcp6: 4, udp: 5, ecn: 0x80 } as const;
export const NEEDS_CSUM = 1;

export const PLAIN: Virtio = {
  flags: 0,
  gsoType: GSO.none,
  headerLength: 0,
  gsoSize: 0,
  csumStart: 0,
  csumOffset: 0,
};

export function encodeVirtio(virtio: Virtio): Uint8Array {
  const view = new DataView(new ArrayBuffer(10));
  view.setUint8(0, virtio.flags);
  view.setUint8(1, virtio.gsoType);
  view.setUint16(2, virtio.headerLength, true);
  view.setUint16(4, virtio.gsoSize, true);
  view.setUint16(6, virtio.csumStart, true);
  view.setUint16(8, virtio.csumOffset, true);
  return new Uint8Array(view.buffer);
}

export function decodeVirtio(bytes: Uint8Array): Virtio {
  const view = new DataView(bytes.buffer, bytes.byteOffset, 10);
  return {
    flags: view.getUint8(0),
    gsoType: view.getUint8(1),
    headerLength: view.getUint16(2, true),
    gsoSize: view.getUint16(4, true),
    csumStart: view.getUint16(6, true),
    csumOffset: view.getUint16(8, true),
  };
}

/** Where the kernel leaves a checksum to the device: the pseudo-header's sum, not complemented. */
export function withPartialChecksum(packet: Uint8Array): { virtio: Virtio; packet: Uint8Array } {
  const partial = packet.slice();
  const network = networkBytes(packet);
  const csumOffset = protocolOf(packet) === 6 ? 16 : 6;
  set16(partial, network + csumOffset, 0xffff - checksumOf(pseudoHeaderIn(packet, packet.length - network)));
  return { virtio: { ...PLAIN, flags: NEEDS_CSUM, csumStart: network, csumOffset }, packet: partial };
}

/** `packet` is one large TCP or UDP packet; what the kernel would hand to a device with TSO or USO. */
export function superPacket(packet: Uint8Array, gsoSize: number): { virtio: Virtio; packet: Uint8Array } {
  const { virtio, packet: partial } = withPartialChecksum(packet);
  const tcp = isV4(packet) ? GSO.tcp4 : GSO.tcp6;
  const gsoType = protocolOf(packet) === 6 ? tcp : GSO.udp;
  return { virtio: { ...virtio, gsoType, gsoSize, headerLength: headerBytes(packet) }, packet: partial };
}

/** The packets that a super-packet stands for, every checksum computed anew; a plain packet stands for itself. */
export function segment(virtio: Virtio, packet: Uint8Array): Uint8Array[] {
  if (virtio.gsoType === GSO.none) return [packet];
  const header = packet.subarray(0, headerBytes(packet));
  const payload = packet.subarray(header.length);
  const pieces: Uint8Array[] = [];
  for (let offset = 0; offset < payload.length; offset += virtio.gsoSize) {
    pieces.push(payload.subarray(offset, offset + virtio.gsoSize));
  }
  return pieces.map((piece, index) => {
    const one = concat(header, piece);
    const network = networkBytes(one);
    if (isV4(one)) {
      set16(one, 2, one.length);
      set16(one, 4, (get16(header, 4) + index) & 0xffff);
      set16(one, 10, 0);
      set16(one, 10, checksumOf(one.subarray(0, network)));
    } else {
      set16(one, 4, one.length - 40);
    }
    const isLast = index === pieces.length - 1;
    if (protocolOf(one) === 6) {
      set32(one, network + 4, (get32(header, network + 4) + index * virtio.gsoSize) % 2 ** 32);
      let flags = byte(one, network + 13);
      if (!isLast) flags &= ~(TCP.fin | TCP.psh);
      if (index > 0) flags &= ~TCP.cwr;
      one[network + 13] = flags;
    } else {
      set16(one, network + 4, one.length - network);
    }
    const at = network + (protocolOf(one) === 6 ? 16 : 6);
    set16(one, at, 0);
    const transport = one.subarray(network);
    const check = checksumOf(pseudoHeaderIn(one, transport.length), transport);
    set16(one, at, check === 0 && protocolOf(one) === 17 ? 0xffff : check);
    return one;
  });
}
