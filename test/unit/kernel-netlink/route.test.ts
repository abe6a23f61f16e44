import { describe, expect, it } from "vitest";
import { BodyWriter } from "../../../src/kernel/netlink/body-writer.ts";
import {
  decodeRoute,
  encodeRoute,
  encodeRouteLookup,
  encodeTableQuery,
} from "../../../src/kernel/netlink/route.ts";
import { parseIp, parsePrefix } from "../../../src/net/index.ts";
import { routeMessage } from "../../support/route-message.ts";

const PLAIN = routeMessage();
const attribute = (type: number, ...value: number[]) => [4 + value.length, 0, type, 0, ...value];
/** struct rtmsg: family, length, source length, TOS, table, protocol, scope, type, flags. */
const struct = (family: number, length: number, table: number, flags = 0) => [
  ...[family, length, 0, 0, table, 3, 0, 1],
  ...[flags, 0, 0, 0],
];

describe("a route in bytes", () => {
  it("has struct rtmsg, then its attributes", () => {
    const route = {
      ...PLAIN,
      flags: 4,
      gateway: parseIp("192.0.2.1"),
      index: 5,
      metric: 7,
      source: parseIp("192.0.2.9"),
      mtuBytes: 1450,
    };
    expect([...encodeRoute(route)]).toEqual([
      ...struct(2, 24, 254, 4),
      ...attribute(1, 10, 244, 3, 0),
      ...attribute(5, 192, 0, 2, 1),
      ...attribute(4, 5, 0, 0, 0),
      ...attribute(6, 7, 0, 0, 0),
      ...attribute(7, 192, 0, 2, 9),
      ...attribute(8, ...attribute(2, 1450 & 255, 1450 >> 8, 0, 0)),
    ]);
    expect(decodeRoute(encodeRoute(route))).toEqual(route);
  });

  it("of everything has no destination", () => {
    expect([...encodeRoute({ ...PLAIN, dst: parsePrefix("0.0.0.0/0") })]).toEqual(struct(2, 0, 254));
    expect([...encodeRoute({ ...PLAIN, dst: parsePrefix("::/0") })]).toEqual(struct(10, 0, 254));
    expect(decodeRoute(Uint8Array.from(struct(2, 0, 254))).dst).toBe("0.0.0.0/0");
    expect(decodeRoute(Uint8Array.from(struct(10, 0, 254))).dst).toBe("::/0");
  });

  it.each([
    [255, 255, []],
    [256, 0, attribute(15, 0, 1, 0, 0)],
    [51820, 0, attribute(15, 0x6c, 0xca, 0, 0)],
  ])("of table %i has it in the struct or, beyond 8 bits, in an attribute", (table, inStruct, further) => {
    const dst = parsePrefix("0.0.0.0/0");
    expect([...encodeRoute({ ...PLAIN, dst, table })]).toEqual([...struct(2, 0, inStruct), ...further]);
    expect(decodeRoute(encodeRoute({ ...PLAIN, dst, table })).table).toBe(table);
    const [family, length, ...rest] = encodeTableQuery("v4", table);
    expect([family, length, ...rest]).toEqual([2, 0, 0, 0, inStruct, 0, 0, 0, 0, 0, 0, 0, ...further]);
  });

  it("via a gateway of the other family has it in RTA_VIA", () => {
    const route = { ...PLAIN, gateway: parseIp("fe80::1") };
    const via = attribute(18, 10, 0, 0xfe, 0x80, ...new Array(13).fill(0), 1);
    expect([...encodeRoute(route)]).toEqual([
      ...struct(2, 24, 254),
      ...attribute(1, 10, 244, 3, 0),
      ...via,
      0,
      0,
    ]);
    expect(decodeRoute(encodeRoute(route))).toEqual(route);
  });

  it("of a lookup names one address", () => {
    const zeros = new Array(10).fill(0);
    expect([...encodeRouteLookup(parseIp("10.0.0.1"))]).toEqual([
      2,
      32,
      ...zeros,
      ...attribute(1, 10, 0, 0, 1),
    ]);
    expect([...encodeRouteLookup(parseIp("::1"))]).toEqual([
      10,
      128,
      ...zeros,
      ...attribute(1, ...new Array(15).fill(0), 1),
    ]);
  });
});

describe("a route is refused", () => {
  const route = (family: number, length: number, write: (writer: BodyWriter) => void = () => {}) => {
    const writer = new BodyWriter(12, (view) => {
      view.setUint8(0, family);
      view.setUint8(1, length);
    });
    write(writer);
    return () => decodeRoute(writer.finish());
  };
  const bytes =
    (type: number, ...value: number[]) =>
    (writer: BodyWriter) =>
      writer.bytes(type, Uint8Array.from(value));

  it.each([
    [
      "without a whole struct",
      () => decodeRoute(new Uint8Array(11)),
      "decode route: 11 bytes of at least 12",
    ],
    ["of another family", route(7, 0), "decode route: family 7 is not IP"],
    ["with a length beyond its family's", route(2, 33), "decode route: prefix length 33 in IPv4"],
    ["with a length beyond its family's", route(10, 129), "decode route: prefix length 129 in IPv6"],
    ["with a length and no destination", route(2, 1), "decode route: length 1 without a destination"],
    [
      "with a destination of the other family",
      route(10, 24, bytes(1, 10, 0, 0, 0)),
      "decode route: a destination of 4 bytes, not 16",
    ],
    [
      "with a destination of no family",
      route(2, 24, bytes(1, 10, 0, 0)),
      "decode route: a destination of 3 bytes, not 4",
    ],
    ["with no family in RTA_VIA", route(2, 0, bytes(18, 2)), "decode route gateway: family 0 is not IP"],
    ["with another family in RTA_VIA", route(2, 0, bytes(18, 2, 1, 1, 2, 3, 4)), "family 258 is not IP"],
    [
      "with a short address in RTA_VIA",
      route(2, 0, bytes(18, 10, 0, 1, 2, 3, 4)),
      "decode route gateway: 4 bytes, not 16",
    ],
    ["with no address in RTA_VIA", route(2, 0, bytes(18, 2, 0)), "decode route gateway: 0 bytes, not 4"],
    ["with broken metrics", route(2, 0, bytes(8, 1, 2, 3)), "decode route metrics: 3 stray bytes"],
    [
      "with a next hop cut short",
      route(2, 0, bytes(9, 8, 0, 0, 0, 1, 0, 0)),
      "a next hop of 0 bytes with 7 left",
    ],
    [
      "with a next hop of no length",
      route(2, 0, bytes(9, 7, 0, 0, 0, 1, 0, 0, 0)),
      "decode next hops: a next hop of 7 bytes with 8 left",
    ],
    [
      "with a second next hop past the end",
      route(2, 0, bytes(9, ...[8, 0, 0, 0, 1, 0, 0, 0], ...[12, 0, 0, 0, 1, 0, 0, 0])),
      "decode next hops: a next hop of 12 bytes with 8 left",
    ],
    [
      "with a next hop of broken attributes",
      route(2, 0, bytes(9, 10, 0, 0, 0, 1, 0, 0, 0, 9, 9)),
      "decode next hop: 2 stray bytes after the attributes",
    ],
  ])("%s", (_, decode, reason) => {
    expect(decode).toThrow(expect.objectContaining({ code: "netlink-malformed" }));
    expect(decode).toThrow(reason);
  });
});

it("several next hops have flags, weight, device and gateway of either family", () => {
  const nextHops = [
    { index: 5, flags: 4, weight: 256, gateway: parseIp("192.0.2.1") },
    { index: 6, flags: 0, weight: 1, gateway: parseIp("fe80::1") },
    { index: 7, flags: 0, weight: 2, gateway: null },
  ];
  const bytes = encodeRoute({ ...PLAIN, dst: parsePrefix("0.0.0.0/0"), nextHops });
  expect([...bytes].slice(12)).toEqual([
    ...[4 + 16 + 32 + 8, 0, 9, 0],
    ...[16, 0, 4, 255, 5, 0, 0, 0, ...attribute(5, 192, 0, 2, 1)],
    ...[32, 0, 0, 0, 6, 0, 0, 0, ...attribute(18, 10, 0, 0xfe, 0x80, ...new Array(13).fill(0), 1), 0, 0],
    ...[8, 0, 0, 1, 7, 0, 0, 0],
  ]);
  expect(decodeRoute(bytes).nextHops).toEqual(nextHops);
});
