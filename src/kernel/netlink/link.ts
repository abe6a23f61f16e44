/** Link messages: RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK (struct ifinfomsg and IFLA_*, linux/if_link.h). */
import type { Mac } from "../../net/index.ts";
import { readBody } from "./attributes.ts";
import { BodyWriter } from "./body-writer.ts";

export const RTM_LINK = { new: 16, delete: 17, get: 18 } as const;

/** linux/if.h */
export const IFF = { up: 0x1, loopback: 0x8, lowerUp: 0x10000 } as const;

const IFINFOMSG_BYTES = 16;
const IFLA = {
  address: 1,
  name: 3,
  mtu: 4,
  txQueueLength: 13,
  linkInfo: 18,
  extMask: 29,
} as const;
const IFLA_INFO = { kind: 1, data: 2 } as const;

/** RTEXT_FILTER_SKIP_STATS: omits the counters, which are not used here. A kernel ignores unknown bits. */
const SKIP_STATS = 1 << 3;

export interface LinkMessage {
  /** AF_UNSPEC; AF_BRIDGE in messages of a bridge about its port, which do not describe the device itself. */
  readonly af: number;
  /** 0: the kernel chooses one, or finds the device by name. */
  readonly index: number;
  /** IFF_* */
  readonly flags: number;
  /** The bits of `flags` that a request changes. */
  readonly changeMask: number;
  readonly name: string | null;
  readonly mac: Mac | null;
  readonly mtuBytes: number | null;
  readonly txQueueLength: number | null;
  /** IFLA_INFO_KIND */
  readonly kind: string | null;
  /** IFLA_INFO_DATA: settings of the kind, see the kinds in `objects`. */
  readonly data: Uint8Array | null;
}

export const BLANK_LINK: LinkMessage = {
  af: 0,
  index: 0,
  flags: 0,
  changeMask: 0,
  name: null,
  mac: null,
  mtuBytes: null,
  txQueueLength: null,
  kind: null,
  data: null,
};

/** @throws TweedError `netlink-malformed` */
export function decodeLink(body: Uint8Array): LinkMessage {
  const { struct, attributes } = readBody(body, IFINFOMSG_BYTES, "link");
  const info = attributes.nested(IFLA.linkInfo, "link info");
  return {
    af: struct.getUint8(0),
    index: struct.getInt32(4, true),
    flags: struct.getUint32(8, true),
    changeMask: struct.getUint32(12, true),
    name: attributes.text(IFLA.name),
    mac: attributes.mac(IFLA.address),
    mtuBytes: attributes.u32(IFLA.mtu),
    txQueueLength: attributes.u32(IFLA.txQueueLength),
    kind: info?.text(IFLA_INFO.kind) ?? null,
    // A copy: links are decoded after the dump, when the message's bytes are no longer valid.
    data: info?.bytes(IFLA_INFO.data)?.slice() ?? null,
  };
}

export function encodeLink(link: LinkMessage): Uint8Array {
  const writer = linkWriter(link)
    .text(IFLA.name, link.name)
    .mac(IFLA.address, link.mac)
    .u32(IFLA.mtu, link.mtuBytes)
    .u32(IFLA.txQueueLength, link.txQueueLength);
  if (link.kind !== null || link.data !== null) {
    writer.nest(IFLA.linkInfo, (info) => {
      info.text(IFLA_INFO.kind, link.kind).bytes(IFLA_INFO.data, link.data);
    });
  }
  return writer.finish();
}

/** Requests one link, by name or by index, or in a dump all links. */
export function encodeLinkQuery(query: { readonly name?: string; readonly index?: number }): Uint8Array {
  return linkWriter({ ...BLANK_LINK, index: query.index ?? 0 })
    .u32(IFLA.extMask, SKIP_STATS)
    .text(IFLA.name, query.name ?? null)
    .finish();
}

/** A writer for the attributes, with the fixed struct filled from `link`. */
export function linkWriter(link: Pick<LinkMessage, "af" | "index" | "flags" | "changeMask">): BodyWriter {
  return new BodyWriter(IFINFOMSG_BYTES, (struct) => {
    struct.setUint8(0, link.af);
    struct.setInt32(4, link.index, true);
    struct.setUint32(8, link.flags, true);
    struct.setUint32(12, link.changeMask, true);
  });
}
