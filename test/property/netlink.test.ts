/** Whatever the bytes: the codec refuses them with a TweedError or understands them, and then says the same back. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readAcknowledgement } from "../../src/kernel/netlink/acknowledgement.ts";
import { type AddressMessage, decodeAddress, encodeAddress } from "../../src/kernel/netlink/address.ts";
import { Attributes } from "../../src/kernel/netlink/attributes.ts";
import { decodeLink, encodeLink, type LinkMessage } from "../../src/kernel/netlink/link.ts";
import { type Message, readMessages, writeMessages } from "../../src/kernel/netlink/message.ts";
import {
  decodeNeighbour,
  encodeNeighbour,
  type NeighbourMessage,
} from "../../src/kernel/netlink/neighbour.ts";
import type { NextHop } from "../../src/kernel/netlink/next-hop.ts";
import { decodeRoute, encodeRoute, type RouteMessage } from "../../src/kernel/netlink/route.ts";
import type { LinkState } from "../../src/kernel/objects/kinds.ts";
import { findLinkKind, LINK_KINDS, linkKindOf } from "../../src/kernel/objects/kinds.ts";
import { type InterfaceIndex, NO_INDEX } from "../../src/kernel/observed.ts";
import {
  addressBits,
  type Family,
  type Ip,
  ipFromBytes,
  ipv4FromBits,
  macFromBytes,
  prefixOf,
} from "../../src/net/index.ts";
import { TweedError } from "../../src/runtime/error.ts";
import { runs } from "../support/property-runs.ts";

const u8 = fc.nat(255);
const u16 = fc.nat(0xffff);
const u32 = fc.nat(0xffff_ffff);
const index = fc.integer({ min: 1, max: 0x7fff_ffff });
const orNull = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: null });
const family = fc.constantFrom<Family>("v4", "v6");
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const bytesUpTo = (maxLength: number) => fc.uint8Array({ maxLength });
const ipOf = (of: Family): fc.Arbitrary<Ip> => bytes(addressBits(of) / 8).map(ipFromBytes);
const ip = family.chain(ipOf);
const mac = bytes(6).map(macFromBytes);
const name = fc.stringMatching(/^[a-z0-9.-]{1,15}$/);
const flag = fc.boolean();
/** Without 0.0.0.0, which is any address. */
const ipv4 = fc.integer({ min: 1, max: 0xffff_ffff }).map(ipv4FromBits);

const kind = fc.oneof(
  fc.record({ kind: fc.constantFrom("vxlan", "tun", "veth", "bridge"), data: orNull(bytesUpTo(60)) }),
  fc.constant({ kind: null, data: null }),
);
const link: fc.Arbitrary<LinkMessage> = fc
  .record({
    af: u8,
    index,
    flags: u32,
    changeMask: u32,
    name: orNull(name),
    mac: orNull(mac),
    mtuBytes: orNull(u32),
    txQueueLength: orNull(u32),
  })
  .chain((common) => kind.map((special) => ({ ...common, ...special })));

const address: fc.Arbitrary<AddressMessage> = family.chain((of) =>
  fc
    .record({
      family: fc.constant(of),
      length: fc.nat(addressBits(of)),
      scope: u8,
      index,
      flags: u32,
      ip: ipOf(of),
      remote: orNull(ipOf(of)),
    })
    .filter(({ ip: local, remote }) => local !== remote),
);

const neighbour: fc.Arbitrary<NeighbourMessage> = fc.record({
  af: u8,
  index,
  state: u16,
  flags: u8,
  type: u8,
  ip: orNull(ip),
  mac: orNull(mac),
});

const nextHop: fc.Arbitrary<NextHop> = fc.record({
  index,
  flags: u8,
  weight: fc.integer({ min: 1, max: 256 }),
  gateway: orNull(ip),
});
const route: fc.Arbitrary<RouteMessage> = family.chain((of) =>
  fc.record({
    dst: fc.tuple(ipOf(of), fc.nat(addressBits(of))).map(([base, length]) => prefixOf(base, length)),
    table: u32,
    protocol: u8,
    scope: u8,
    type: u8,
    flags: u32,
    gateway: orNull(ip),
    index: orNull(u32),
    metric: orNull(u32),
    source: orNull(ipOf(of)),
    mtuBytes: orNull(u32),
    nextHops: orNull(fc.array(nextHop, { maxLength: 4 })),
  }),
);

const message: fc.Arbitrary<Message> = fc.record({
  type: u16,
  flags: u16,
  sequence: u32,
  body: fc.uint8Array({ maxLength: 64 }),
});

/** One kind of message: what there can be of it, and the two ways between it and bytes. */
interface Codec {
  readonly values: fc.Arbitrary<unknown>;
  encode(value: unknown): Uint8Array;
  decode(body: Uint8Array): unknown;
}
function codec<T>(
  values: fc.Arbitrary<T>,
  encode: (value: T) => Uint8Array,
  decode: (body: Uint8Array) => T,
): Codec {
  return { values, encode: (value) => encode(value as T), decode };
}
const CODECS: Readonly<Record<string, Codec>> = {
  link: codec(link, encodeLink, decodeLink),
  address: codec(address, encodeAddress, decodeAddress),
  neighbour: codec(neighbour, encodeNeighbour, decodeNeighbour),
  route: codec(route, encodeRoute, decodeRoute),
  datagram: codec(fc.array(message, { maxLength: 5 }), writeMessages, readMessages),
};

/** The decoded value, or null where the bytes were refused; any other failure is passed on. */
function decodeOrRefuse<T>(decode: () => T): { readonly value: T } | null {
  try {
    return { value: decode() };
  } catch (error) {
    if (error instanceof TweedError && error.code === "netlink-malformed") return null;
    throw error;
  }
}

/** A few bytes overwritten, and perhaps the end cut off. */
const mutate = (original: Uint8Array): fc.Arbitrary<Uint8Array> =>
  fc
    .record({
      edits: fc.array(fc.tuple(fc.nat(Math.max(0, original.length - 1)), u8), { maxLength: 6 }),
      length: fc.oneof(fc.constant(original.length), fc.nat(original.length)),
    })
    .map(({ edits, length }) => {
      const copy = original.slice();
      for (const [offset, value] of edits) copy[offset] = value;
      return copy.subarray(0, length);
    });

describe.each(Object.entries(CODECS))("%s", (_, { values, encode, decode }) => {
  it("reads back what was written", () => {
    fc.assert(
      fc.property(values, (value) => {
        expect(decode(encode(value))).toEqual(value);
      }),
      runs(500),
    );
  });

  it("decodes, encodes and decodes mutated bytes to the same", () => {
    const mutated = values.chain((value) => mutate(encode(value)));
    fc.assert(
      fc.property(mutated, (body) => {
        const first = decodeOrRefuse(() => decode(body));
        if (first !== null) expect(decode(encode(first.value))).toEqual(first.value);
      }),
      runs(2000),
    );
  });

  it("refuses or understands random bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (body) => {
        const first = decodeOrRefuse(() => decode(body));
        if (first !== null) expect(decode(encode(first.value))).toEqual(first.value);
      }),
      runs(2000),
    );
  });
});

/** A desired device of each kind that is made by a request. */
const DEVICES: readonly fc.Arbitrary<LinkState>[] = [
  fc.record({
    ...{ kind: fc.constant("vxlan"), name, mac, mtuBytes: u16, vni: fc.nat(0xff_ffff), parent: name },
    ...{ local: ip, port: fc.integer({ min: 1, max: 0xffff }), learning: flag, gbp: flag },
  }),
  fc.record({ kind: fc.constant("ipip"), name, mtuBytes: u16, local: ipv4 }),
];
const parentIndex = index.map((each) => each as InterfaceIndex);

describe("the settings of a device", () => {
  it("are told by the kernel as they were asked for", () => {
    fc.assert(
      fc.property(fc.oneof(...DEVICES), parentIndex, (device, parent) => {
        const { encode, decode, settingsOf, parentOf } = linkKindOf(device);
        const told = decode(new Attributes(encode(device, parent), "settings"));
        expect(told).toEqual(settingsOf(device, parentOf(device) === null ? NO_INDEX : parent));
      }),
      runs(500),
    );
  });

  it.each(Object.keys(LINK_KINDS))("of kind %s are refused or understood, whatever the bytes", (of) => {
    fc.assert(
      fc.property(bytesUpTo(100), (data) => {
        decodeOrRefuse(() => findLinkKind(of)?.decode(new Attributes(data, "settings")));
      }),
      runs(2000),
    );
  });
});

describe("malformed input", () => {
  it("never makes attributes read past their bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.nat(16), (body, offset) => {
        const padded = new Uint8Array(body.length + 32).fill(0xaa);
        padded.set(body, offset);
        const view = padded.subarray(offset, offset + body.length);
        const attributes = decodeOrRefuse(() => new Attributes(view, "test"));
        for (let type = 0; attributes !== null && type < 0x4000; type += 1) {
          const value = attributes.value.bytes(type);
          if (value === null) continue;
          expect(value.byteOffset).toBeGreaterThanOrEqual(view.byteOffset);
          expect(value.byteOffset + value.length).toBeLessThanOrEqual(view.byteOffset + view.length);
        }
      }),
      runs(300),
    );
  });

  it("never makes an acknowledgement read past its bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), u16, fc.constantFrom(2, 3), (body, flags, type) => {
        const first = decodeOrRefuse(() => readAcknowledgement({ type, flags, sequence: 1, body }));
        if (first !== null) expect(Number.isInteger(first.value.errno)).toBe(true);
      }),
      runs(2000),
    );
  });
});
