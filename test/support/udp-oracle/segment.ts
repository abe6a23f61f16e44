/** Segments of a super-packet as Linux cuts it: the oracle for segmentation. */
import { byte, checksumOf, concat, get16, get32, set16, set32 } from "../../../bench/packets/bytes.ts";
import {
  headerBytes,
  isV4,
  networkBytes,
  protocolOf,
  pseudoHeaderIn,
  TCP,
} from "../../../bench/packets/packets.ts";
import { GSO, type Virtio } from "../../../bench/packets/super-packets.ts";

/** The packets of a super-packet, with recomputed checksums; a plain packet yields itself. */
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
