/** Messages of the kernel, encoded by the codec's own writers, and raw ones that it only reads. */
import { type AddressMessage, encodeAddress, RTM_ADDRESS } from "../../../src/kernel/netlink/address.ts";
import { BodyWriter } from "../../../src/kernel/netlink/body-writer.ts";
import { BLANK_LINK, encodeLink, type LinkMessage, RTM_LINK } from "../../../src/kernel/netlink/link.ts";
import { type Message, writeMessages } from "../../../src/kernel/netlink/message.ts";
import { encodeNeighbour, RTM_NEIGHBOUR } from "../../../src/kernel/netlink/neighbour.ts";
import { encodeRoute, type RouteMessage, RTM_ROUTE } from "../../../src/kernel/netlink/route.ts";
import { RTM_RULE } from "../../../src/kernel/netlink/rule.ts";
import { vxlan } from "../../../src/kernel/objects/vxlan.ts";
import type { InterfaceIndex } from "../../../src/kernel/observed.ts";
import { parseIp, parseMac, parsePrefix } from "../../../src/net/index.ts";
import { FLANNEL_LINK } from "../../support/flannel-samples.ts";

const ETH0 = 2 as InterfaceIndex;
const VXLAN = 7 as InterfaceIndex;
const MULTI = 0x2;
const FLAGS = { up: 0x1_1043 };

export const LINKS: readonly LinkMessage[] = [
  { ...BLANK_LINK, index: 1, flags: 0x1_0049, name: "lo", mtuBytes: 65_536 },
  {
    ...BLANK_LINK,
    index: ETH0,
    flags: FLAGS.up,
    name: "eth0",
    mac: parseMac("02:42:ac:11:00:02"),
    mtuBytes: 1500,
  },
  {
    ...BLANK_LINK,
    ...{ index: VXLAN, flags: FLAGS.up, name: FLANNEL_LINK.name, mac: FLANNEL_LINK.mac, mtuBytes: 1450 },
    ...{ kind: "vxlan", data: vxlan.encode(FLANNEL_LINK, ETH0) },
  },
  {
    ...BLANK_LINK,
    index: 8,
    flags: FLAGS.up,
    name: "cni0",
    mtuBytes: 1450,
    kind: "bridge",
    data: Uint8Array.of(1, 2, 3),
  },
  { ...BLANK_LINK, index: 9, flags: FLAGS.up, name: "flannel0", mtuBytes: 1472, kind: "tun", data: null },
];

const ADDRESSES: readonly AddressMessage[] = [
  { family: "v4", length: 24, scope: 0, index: ETH0, flags: 0x80, ip: parseIp("192.0.2.1"), remote: null },
  { family: "v6", length: 64, scope: 253, index: ETH0, flags: 0x80, ip: parseIp("fe80::1"), remote: null },
];

const ROUTE: RouteMessage = {
  dst: parsePrefix("10.244.3.0/24"),
  ...{ table: 254, protocol: 3, scope: 0, type: 1, flags: 4, gateway: parseIp("10.244.3.0"), index: VXLAN },
  ...{ metric: null, source: null, mtuBytes: null, nextHops: null },
};
const ROUTES: readonly RouteMessage[] = [
  ROUTE,
  {
    ...ROUTE,
    dst: parsePrefix("0.0.0.0/0"),
    gateway: parseIp("192.0.2.254"),
    index: ETH0,
    flags: 0,
    metric: 100,
  },
  {
    ...ROUTE,
    dst: parsePrefix("fd00:10:244:3::/64"),
    gateway: parseIp("fd00:10:244:3::"),
    metric: 1024,
    mtuBytes: 1400,
  },
  {
    ...ROUTE,
    dst: parsePrefix("10.244.0.0/16"),
    gateway: null,
    index: null,
    protocol: 116,
    type: 6,
    metric: 1_000_000,
  },
  {
    ...ROUTE,
    ...{ gateway: null, index: null, protocol: 116 },
    nextHops: [
      ...Array.from({ length: 16 }, () => ({
        index: VXLAN,
        flags: 4,
        weight: 256,
        gateway: parseIp("10.244.3.0"),
      })),
      { index: ETH0, flags: 0, weight: 1, gateway: parseIp("192.0.2.3") },
    ],
  },
  { ...ROUTE, table: 1000, dst: parsePrefix("10.244.3.0/25") },
];

const mac = parseMac("0e:00:00:00:00:03");
const NEIGHBOURS = [
  { af: 7, index: VXLAN, state: 0x80, flags: 2, type: 0, ip: parseIp("192.0.2.3"), mac },
  { af: 2, index: VXLAN, state: 0x80, flags: 0, type: 1, ip: parseIp("10.244.3.0"), mac },
  { af: 10, index: VXLAN, state: 0x80, flags: 0, type: 1, ip: parseIp("fd00:10:244:3::"), mac },
];

/** struct fib_rule_hdr: family, lengths, tos, table, two reserved bytes, action, flags. */
const RULES = [
  new BodyWriter(12, (struct) => struct.setUint8(0, 2)).u32(6, 100).u32(15, 1000).finish(),
  new BodyWriter(12, (struct) => {
    for (const [at, value] of [2, 16, 0, 0, 254, 0, 0, 1].entries()) struct.setUint8(at, value);
  })
    .ip(1, parseIp("10.244.0.0"))
    .text(3, "cni0")
    .u32(14, 0)
    .finish(),
  new BodyWriter(12, (struct) => {
    for (const [at, value] of [10, 0, 0, 0, 254, 0, 0, 7, 2].entries()) struct.setUint8(at, value);
  })
    .u32(10, 0x4000)
    .finish(),
];

function messages(type: number, bodies: readonly Uint8Array[]): Message[] {
  return bodies.map((body) => ({ type, flags: MULTI, sequence: 1, body }));
}

/** One list for each kind of object, as a dump has them. */
export const DUMPS: readonly (readonly Message[])[] = [
  messages(RTM_LINK.new, LINKS.map(encodeLink)),
  messages(RTM_ADDRESS.new, ADDRESSES.slice(0, 1).map(encodeAddress)),
  messages(RTM_ADDRESS.new, ADDRESSES.slice(1).map(encodeAddress)),
  messages(RTM_NEIGHBOUR.new, NEIGHBOURS.slice(0, 1).map(encodeNeighbour)),
  messages(RTM_NEIGHBOUR.new, NEIGHBOURS.slice(1, 2).map(encodeNeighbour)),
  messages(RTM_NEIGHBOUR.new, NEIGHBOURS.slice(2).map(encodeNeighbour)),
  messages(RTM_ROUTE.new, ROUTES.slice(0, 2).map(encodeRoute)),
  messages(RTM_ROUTE.new, ROUTES.slice(2, 3).map(encodeRoute)),
  messages(RTM_RULE.new, RULES.slice(0, 2)),
  messages(RTM_ROUTE.new, ROUTES.slice(5).map(encodeRoute)),
  messages(RTM_RULE.new, RULES.slice(2)),
];

/** struct nlmsgerr: the errno, and the header of the request; an extended acknowledgement with a text. */
const REFUSAL: Message = {
  type: 2,
  flags: 0x300,
  sequence: 1,
  body: Uint8Array.from([
    ...[0xea, 0xff, 0xff, 0xff, 20, 0, 0, 0, 24, 0, 5, 6, 1, 0, 0, 0, 0, 0, 0, 0],
    ...[12, 0, 1, 0, 0x6e, 0x6f, 0x20, 0x77, 0x61, 0x79, 0x21, 0],
  ]),
};
const DONE: Message = { type: 3, flags: MULTI, sequence: 1, body: new Uint8Array(4) };

/** Datagrams, each of one or several messages. */
export const DATAGRAMS: readonly Uint8Array[] = [
  ...DUMPS.flat().map((message) => writeMessages([message])),
  ...ROUTES.map((route) => writeMessages(messages(RTM_ROUTE.delete, [encodeRoute(route)]))),
  writeMessages(messages(RTM_LINK.delete, LINKS.slice(2).map(encodeLink))),
  writeMessages(DUMPS.flat()),
  writeMessages([REFUSAL]),
  writeMessages([DONE]),
];

/** Each character is a byte. */
export function rawBytes(characters: string): Uint8Array {
  return new Uint8Array(Buffer.from(characters, "latin1"));
}

/** Headers of attributes, lengths and kinds that the codec looks for. */
export const NETLINK_WORDS: readonly Uint8Array[] = [
  ...[
    "vxlan",
    "ipip",
    "tun",
    "flannel.1",
    "flannel.1\0",
    "eth0\0",
    "cni0\0",
    "\x08\0\x01\0",
    "\x04\0\x12\0",
    "\x05\0\x03\0",
  ],
  ...[
    "\0\0\0\0",
    "\x10\0\0\0",
    "\x14\0\0\0",
    "\x02\0",
    "\x0a\0",
    "\x07\0",
    "\x07\0\0\0",
    "\x02\0\0\0",
    "\x0a\x0a\xf4\x03",
  ],
].map(rawBytes);
