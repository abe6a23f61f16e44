import { describe, expect, it } from "vitest";
import {
  type Family,
  familyOf,
  type Ipv4,
  type Ipv6,
  ipBits,
  ipFromBits,
  ipFromBytes,
  ipToBytes,
  ipv4Bits,
  ipv4FromBits,
  ipv6Bits,
  ipv6FromBits,
  isIpv4,
  isIpv6,
  isUsableUnicast,
  parseIp,
  parseIpv4,
  parseIpv6,
  tryParseIp,
  tryParseIpv4,
  tryParseIpv6,
} from "../../../src/net/index.ts";

describe("an IPv4 text", () => {
  it.each(["0.0.0.0", "10.244.3.1", "192.0.2.10", "255.255.255.255", "1.20.99.100"])("%s is one", (text) => {
    expect(tryParseIpv4(text)).toBe(text);
    expect(parseIpv4(text)).toBe(text);
    expect(tryParseIp(text)).toBe(text);
    expect(parseIp(text)).toBe(text);
  });

  it.each([
    "",
    "10.244.3",
    "10.244.3.1.1",
    "10.244.3.1.",
    ".10.244.3.1",
    "10.244.3.256",
    "256.1.1.1",
    "10.244.3.999",
    "010.0.0.1",
    "10.00.0.1",
    "10.0.0.01",
    "10.0.0.1000",
    "10.0.0.",
    "10.0.0.-1",
    "10.0.0.1e1",
    "10,0,0,1",
    "10a0b0c1",
    "10.0.0.1 ",
    " 10.0.0.1",
    "10.0.0.1\n",
    "x10.0.0.1",
    "10.0.0.1/24",
  ])("%j is none", (text) => {
    expect(tryParseIpv4(text)).toBeNull();
    expect(() => parseIpv4(text)).toThrow(
      `${JSON.stringify(text)} is not an IPv4 address such as 10.244.3.0`,
    );
  });
});

describe("an IPv6 text", () => {
  it.each([
    ["::", "::"],
    ["::1", "::1"],
    ["1::", "1::"],
    ["fd00:10:244::", "fd00:10:244::"],
    ["FD00:0010:0244:0000:0000:0000:0000:0000", "fd00:10:244::"],
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
    ["::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"],
    ["1:2:3:4:5:6:0:0", "1:2:3:4:5:6::"],
    ["0:0:3:4:5:6:7:8", "::3:4:5:6:7:8"],
    ["a:b:c:d:e:f:AB:CDEF", "a:b:c:d:e:f:ab:cdef"],
    ["::ffff:192.0.2.1", "::ffff:192.0.2.1"],
    ["::ffff:c000:201", "::ffff:192.0.2.1"],
    ["::ffff:0.0.0.0", "::ffff:0.0.0.0"],
    ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
    ["1:2:3:4:5:6:192.0.2.33", "1:2:3:4:5:6:c000:221"],
    ["::1:ffff:0:0", "::1:ffff:0:0"],
    ["::ffff:0:0:0", "::ffff:0:0:0"],
  ])("%s is %s", (text, canonical) => {
    expect(tryParseIpv6(text)).toBe(canonical);
    expect(parseIpv6(text)).toBe(canonical);
    expect(tryParseIp(text)).toBe(canonical);
    expect(parseIp(text)).toBe(canonical);
    expect(tryParseIpv6(canonical)).toBe(canonical);
  });

  it.each([
    "",
    ":",
    ":::",
    "1::2::3",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7:8::",
    "::1:2:3:4:5:6:7:8",
    "1:2:3:4::5:6:7:8",
    "12345::",
    "g::",
    "::g",
    "1:",
    ":1",
    "::1:",
    "1:::2",
    "fe80::1%eth0",
    "::1 ",
    " ::1",
    "::x1",
    "::1x",
    // Before and after the digits and letters in ASCII.
    "::/",
    "::@",
    "::`",
    "::192.0.2.256",
    "::192.0.2",
    "192.0.2.1::",
    "::192.0.2.1:1",
    "1:2:3:4:5:6:7:192.0.2.1",
    "192.0.2.1:1:2:3:4:5:6",
    "-1::",
    "10.244.3.1",
  ])("%j is none", (text) => {
    expect(tryParseIpv6(text)).toBeNull();
    expect(() => parseIpv6(text)).toThrow(`${JSON.stringify(text)} is not an IPv6 address such as`);
  });
});

it.each(["", "10.0.0.256", "1::2::3", "localhost"])("%j is no address of either family", (text) => {
  expect(tryParseIp(text)).toBeNull();
  expect(() => parseIp(text)).toThrow(
    expect.objectContaining({
      code: "invalid-address",
      message: `parse address: ${JSON.stringify(text)} is not an IPv4 or IPv6 address`,
    }),
  );
});

describe.each([
  ["10.244.3.1", "v4", 0x0af40301n, [10, 244, 3, 1]],
  ["0.0.0.0", "v4", 0n, [0, 0, 0, 0]],
  ["255.255.255.255", "v4", 0xffffffffn, [255, 255, 255, 255]],
  ["128.0.0.1", "v4", 0x80000001n, [128, 0, 0, 1]],
  ["::", "v6", 0n, new Array<number>(16).fill(0)],
  [
    "fd00:10:244::1:ff",
    "v6",
    0xfd000010024400000000000000010_0ffn,
    [0xfd, 0, 0, 0x10, 2, 0x44, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0xff],
  ],
  ["::ffff:192.0.2.1", "v6", 0xffff_c000_0201n, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 192, 0, 2, 1]],
  ["ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "v6", (1n << 128n) - 1n, new Array<number>(16).fill(255)],
] as const)("%s", (text, family: Family, bits, bytes) => {
  const ip = parseIp(text);

  it(`is of ${family}`, () => {
    expect(familyOf(ip)).toBe(family);
    expect(isIpv4(ip)).toBe(family === "v4");
    expect(isIpv6(ip)).toBe(family === "v6");
  });

  it("is the number and the bytes of the same value", () => {
    expect(ipBits(ip)).toBe(bits);
    expect(ipFromBits(family, bits)).toBe(text);
    expect([...ipToBytes(ip)]).toEqual(bytes);
    expect(ipFromBytes(Uint8Array.from(bytes))).toBe(text);
    if (family === "v4") {
      expect(ipv4Bits(ip as Ipv4)).toBe(Number(bits));
      expect(ipv4FromBits(Number(bits))).toBe(text);
    } else {
      expect(ipv6Bits(ip as Ipv6)).toBe(bits);
      expect(ipv6FromBits(bits)).toBe(text);
    }
  });
});

it("numbers beyond the last address wrap", () => {
  expect(ipv4FromBits(2 ** 32)).toBe("0.0.0.0");
  expect(ipv4FromBits(2 ** 32 + 5)).toBe("0.0.0.5");
  expect(ipv4FromBits(-1)).toBe("255.255.255.255");
  expect(ipFromBits("v4", (1n << 32n) + 7n)).toBe("0.0.0.7");
  expect(ipv6FromBits((1n << 128n) + 1n)).toBe("::1");
  expect(ipFromBits("v6", -1n)).toBe("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
});

it.each([0, 3, 5, 15, 17])("%i bytes are no address", (length) => {
  expect(() => ipFromBytes(new Uint8Array(length))).toThrow(
    `"${length} bytes" is not an address of 4 or 16 bytes`,
  );
});

it("a text that only claims to be an IPv6 address has neither number nor bytes", () => {
  const forged = "1::2::3" as Ipv6;
  expect(() => ipv6Bits(forged)).toThrow(`"1::2::3" is not an IPv6 address`);
  expect(() => ipToBytes(forged)).toThrow(`"1::2::3" is not an IPv6 address`);
});

describe("an address that a host can own and a peer can reach", () => {
  it.each([
    "1.0.0.0",
    "10.0.0.1",
    "126.255.255.255",
    "128.0.0.0",
    "192.0.2.1",
    "169.254.1.1",
    "223.255.255.255",
    "::2",
    "fd00::1",
    "2001:db8::1",
    "feff::1",
    "fe7f:ffff::1",
    "fec0::1",
    "::fffe:192.0.2.1",
    "::1:ffff:c000:201",
    "ff::1",
  ])("can be %s", (text) => {
    expect(isUsableUnicast(parseIp(text))).toBe(true);
  });

  it.each([
    "0.0.0.0",
    "0.255.255.255",
    "127.0.0.0",
    "127.255.255.255",
    "224.0.0.0",
    "239.1.1.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "ff00::",
    "ff02::1",
    "ffff::1",
    "fe80::",
    "fe80::1",
    "febf:ffff::1",
    "::ffff:0.0.0.0",
    "::ffff:192.0.2.1",
  ])("cannot be %s", (text) => {
    expect(isUsableUnicast(parseIp(text))).toBe(false);
  });
});
