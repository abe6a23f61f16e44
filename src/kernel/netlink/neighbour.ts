/**
 * Neighbour messages: RTM_NEWNEIGH, RTM_DELNEIGH, RTM_GETNEIGH (struct ndmsg and NDA_*, linux/neighbour.h). They carry
 * neighbours (IPv4, IPv6) and, with AF_BRIDGE, forwarding entries: a MAC and its remote end.
 */
import type { Ip, Mac } from "../../net/index.ts";
import { readBody } from "./attributes.ts";
import { BodyWriter } from "./body-writer.ts";

export const RTM_NEIGHBOUR = { new: 28, delete: 29, get: 30 } as const;

export const NUD = {
  /** Needs no resolution: multicast, broadcast, loopback. */
  noArp: 0x40,
  permanent: 0x80,
} as const;
/** The entry is in the device's own FDB, not in that of its bridge. */
export const NTF_SELF = 0x02;

const NDMSG_BYTES = 12;
const NDA = { destination: 1, linkLayerAddress: 2, ifindex: 8 } as const;

export interface NeighbourMessage {
  readonly af: number;
  readonly index: number;
  /** NUD_* */
  readonly state: number;
  /** NTF_* */
  readonly flags: number;
  /** RTN_* */
  readonly type: number;
  /** The neighbour's address; in a forwarding entry the remote end. */
  readonly ip: Ip | null;
  readonly mac: Mac | null;
}

/** @throws TweedError `netlink-malformed` */
export function decodeNeighbour(body: Uint8Array): NeighbourMessage {
  const { struct, attributes } = readBody(body, NDMSG_BYTES, "neighbour");
  return {
    af: struct.getUint8(0),
    index: struct.getInt32(4, true),
    state: struct.getUint16(8, true),
    flags: struct.getUint8(10),
    type: struct.getUint8(11),
    ip: attributes.ip(NDA.destination),
    mac: attributes.mac(NDA.linkLayerAddress),
  };
}

export function isPermanent({ state }: NeighbourMessage): boolean {
  return (state & NUD.permanent) !== 0;
}

export function encodeNeighbour(neighbour: NeighbourMessage): Uint8Array {
  return neighbourWriter(neighbour)
    .ip(NDA.destination, neighbour.ip)
    .mac(NDA.linkLayerAddress, neighbour.mac)
    .finish();
}

/** Requests the entries of one device. A kernel without strict checking ignores `index` and lists all. */
export function encodeNeighbourQuery(af: number, index: number): Uint8Array {
  return neighbourWriter({ af, index: 0, state: 0, flags: 0, type: 0 }).u32(NDA.ifindex, index).finish();
}

/**
 * The device index of a neighbour message, without decoding the rest: a busy host sends notifications of its ARP cache
 * all day. null where the message is too short.
 */
export function neighbourIndex(body: Uint8Array): number | null {
  return body.length < NDMSG_BYTES ? null : new DataView(body.buffer, body.byteOffset).getInt32(4, true);
}

function neighbourWriter(
  fields: Pick<NeighbourMessage, "af" | "index" | "state" | "flags" | "type">,
): BodyWriter {
  return new BodyWriter(NDMSG_BYTES, (struct) => {
    struct.setUint8(0, fields.af);
    struct.setInt32(4, fields.index, true);
    struct.setUint16(8, fields.state, true);
    struct.setUint8(10, fields.flags);
    struct.setUint8(11, fields.type);
  });
}
