import { describe, expect, it } from "vitest";
import {
  type AddressMessage,
  decodeAddress,
  encodeAddress,
  encodeAddressQuery,
} from "../../../src/kernel/netlink/address.ts";
import { parseIp } from "../../../src/net/index.ts";

const PLAIN: AddressMessage = {
  family: "v4",
  length: 24,
  scope: 0,
  index: 2,
  flags: 0x80,
  ip: parseIp("192.0.2.1"),
  remote: null,
};
/** struct ifaddrmsg: family, length, flags, scope, index. */
const struct = (family: number, length: number, flags = 0) => [family, length, flags, 0, 2, 0, 0, 0];
const ip = (type: number, ...value: number[]) => [4 + value.length, 0, type, 0, ...value];

describe("an address", () => {
  it("has struct ifaddrmsg, then itself twice, then its flags", () => {
    expect([...encodeAddress({ ...PLAIN, flags: 0x180 })]).toEqual([
      ...struct(2, 24, 0x80),
      ...ip(2, 192, 0, 2, 1),
      ...ip(1, 192, 0, 2, 1),
      ...[8, 0, 8, 0, 0x80, 1, 0, 0],
    ]);
    expect(decodeAddress(encodeAddress(PLAIN))).toEqual(PLAIN);
  });

  it("of a point-to-point link has the other end", () => {
    const address = { ...PLAIN, length: 32, remote: parseIp("192.0.2.9") };
    expect(decodeAddress(encodeAddress(address))).toEqual(address);
  });

  it("of IPv6 is IFA_ADDRESS alone", () => {
    const bytes = Uint8Array.from([...struct(10, 64, 0x80), ...ip(1, ...new Array(15).fill(0), 1)]);
    expect(decodeAddress(bytes)).toEqual({ ...PLAIN, family: "v6", length: 64, ip: "::1" });
  });

  it.each([
    [[...struct(2, 24)], "decode address: neither IFA_LOCAL nor IFA_ADDRESS"],
    [[...struct(7, 24), ...ip(1, 192, 0, 2, 1)], "decode address: family 7 is not IP"],
    [[...struct(2, 33), ...ip(1, 192, 0, 2, 1)], "decode address: prefix length 33 in IPv4"],
    [[2, 24, 0, 0, 2, 0, 0], "decode address: 7 bytes of at least 8"],
  ])("is refused: %#", (bytes, reason) => {
    expect(() => decodeAddress(Uint8Array.from(bytes))).toThrow(reason);
  });
});

it("the addresses of a family are asked for by its number", () => {
  expect([...encodeAddressQuery("v4")]).toEqual([2, ...new Array(7).fill(0)]);
  expect([...encodeAddressQuery("v6")]).toEqual([10, ...new Array(7).fill(0)]);
});
