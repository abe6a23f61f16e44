import { describe, expect, it } from "vitest";
import {
  isUnicastMac,
  macFromBytes,
  macToBytes,
  parseMac,
  randomMac,
  tryParseMac,
} from "../../../src/net/index.ts";

describe("a MAC text", () => {
  it.each([
    ["0e:52:a1:00:00:07", "0e:52:a1:00:00:07"],
    ["0E:52:A1:00:00:07", "0e:52:a1:00:00:07"],
    ["ff:ff:ff:ff:ff:ff", "ff:ff:ff:ff:ff:ff"],
  ])("%s is %s", (text, canonical) => {
    expect(tryParseMac(text)).toBe(canonical);
    expect(parseMac(text)).toBe(canonical);
  });

  it.each([
    "",
    "0e:52:a1:00:00",
    "0e:52:a1:00:00:07:08",
    "0e:52:a1:00:00:7",
    "0e:52:a1:00:00:077",
    "e:52:a1:00:00:07",
    "0e-52-a1-00-00-07",
    "0e52a1000007",
    "0g:52:a1:00:00:07",
    " 0e:52:a1:00:00:07",
    "0e:52:a1:00:00:07 ",
    "0e:52:a1:00:00:07\n",
  ])("%j is none", (text) => {
    expect(tryParseMac(text)).toBeNull();
    expect(() => parseMac(text)).toThrow(
      expect.objectContaining({
        code: "invalid-mac",
        message: `parse MAC: ${JSON.stringify(text)} is not an Ethernet address such as 0e:52:a1:00:00:07`,
      }),
    );
  });
});

it("a MAC is six bytes", () => {
  const mac = parseMac("0e:52:a1:00:f0:07");
  expect([...macToBytes(mac)]).toEqual([0x0e, 0x52, 0xa1, 0, 0xf0, 7]);
  expect(macFromBytes(macToBytes(mac))).toBe(mac);
  expect(() => macFromBytes(new Uint8Array(5))).toThrow("is not an Ethernet address");
  expect(() => macFromBytes(new Uint8Array(7))).toThrow("is not an Ethernet address");
});

it.each([
  ["00:00:00:00:00:00", false],
  ["00:00:00:00:00:01", true],
  ["01:00:00:00:00:00", false],
  ["02:00:00:00:00:00", true],
  ["ff:ff:ff:ff:ff:ff", false],
  ["33:33:00:00:00:01", false],
  ["10:00:00:00:00:01", true],
])("whether one station can own %s: %s", (text, isOwnable) => {
  expect(isUnicastMac(parseMac(text))).toBe(isOwnable);
});

it.each([0x00, 0x01, 0x02, 0xfd, 0xff])(
  "a random MAC is local and unicast, also from the byte %i",
  (byte) => {
    const asked: number[] = [];
    const bytes = (length: number) => {
      asked.push(length);
      return new Uint8Array(length).fill(byte);
    };
    const [first, ...rest] = macToBytes(randomMac({ bytes } as Parameters<typeof randomMac>[0]));
    expect(asked).toEqual([6]);
    expect(first).toBe((byte & 0xfc) | 0x02);
    expect(rest).toEqual(new Array(5).fill(byte));
  },
);
