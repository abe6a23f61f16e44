/** Super-packets: large packets with the header that tells the device how to cut them. */
import { checksumOf, set16 } from "./bytes.ts";
import { headerBytes, isV4, networkBytes, protocolOf, pseudoHeaderIn } from "./packets.ts";

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

/** `packet` is one large TCP or UDP packet; what the kernel would pass to a device with TSO or USO. */
export function superPacket(packet: Uint8Array, gsoSize: number): { virtio: Virtio; packet: Uint8Array } {
  const { virtio, packet: partial } = withPartialChecksum(packet);
  const tcp = isV4(packet) ? GSO.tcp4 : GSO.tcp6;
  const gsoType = protocolOf(packet) === 6 ? tcp : GSO.udp;
  return { virtio: { ...virtio, gsoType, gsoSize, headerLength: headerBytes(packet) }, packet: partial };
}
