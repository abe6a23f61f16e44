import { describe, expect, it } from "vitest";
import {
  containsIp,
  containsPrefix,
  isIpv4Prefix,
  nthAddress,
  overlaps,
  parseCidr,
  parseIp,
  parseIpv4,
  parseIpv4Prefix,
  parseIpv6,
  parseIpv6Prefix,
  parsePrefix,
  prefixAddress,
  prefixFamily,
  prefixLength,
  prefixOf,
  prefixRange,
  tryParseCidr,
  tryParsePrefix,
} from "../../../src/net/index.ts";

describe("an address with a length", () => {
  it.each([
    ["10.244.3.1/24", "10.244.3.1", 24],
    ["0.0.0.0/0", "0.0.0.0", 0],
    ["10.0.0.1/32", "10.0.0.1", 32],
    ["fd00:0::1/64", "fd00::1", 64],
    ["::/0", "::", 0],
    ["::1/128", "::1", 128],
  ])("%s is one", (text, ip, length) => {
    expect(tryParseCidr(text)).toEqual({ ip, length });
    expect(parseCidr(text)).toEqual({ ip, length });
  });

  it.each([
    "",
    "/",
    "10.0.0.0",
    "10.0.0.0/",
    "/24",
    "10.0.0.0/33",
    "10.0.0.0/128",
    "10.0.0.0/024",
    "10.0.0.0/00",
    "10.0.0.0/-1",
    "10.0.0.0/2x",
    "10.0.0.0/24/24",
    "x/10.0.0.0/24",
    "10.0.0.0/24 ",
    " 10.0.0.0/24",
    "10.0.0.256/24",
    "::/129",
    "::/1000",
    "1::2::3/64",
    "host/24",
  ])("%j is none", (text) => {
    expect(tryParseCidr(text)).toBeNull();
    expect(() => parseCidr(text)).toThrow(
      expect.objectContaining({
        code: "invalid-prefix",
        message: `parse prefix: ${JSON.stringify(text)} is not an address with a length such as 10.244.3.1/24`,
      }),
    );
    expect(tryParsePrefix(text)).toBeNull();
  });
});

describe("a prefix", () => {
  it.each([
    ["10.244.0.0/16", "10.244.0.0/16"],
    ["0.0.0.0/0", "0.0.0.0/0"],
    ["10.0.0.1/32", "10.0.0.1/32"],
    ["FD00:10:244:0::/56", "fd00:10:244::/56"],
    ["::1/128", "::1/128"],
  ])("%s is %s", (text, canonical) => {
    expect(tryParsePrefix(text)).toBe(canonical);
    expect(parsePrefix(text)).toBe(canonical);
  });

  it.each(["10.244.0.1/16", "10.244.128.0/16", "10.0.0.1/0", "fd00::1/64", "fd00:0:0:1::/63"])(
    "%s is none, for it has host bits",
    (text) => {
      expect(tryParsePrefix(text)).toBeNull();
      expect(() => parsePrefix(text)).toThrow(
        `${JSON.stringify(text)} is not a network without host bits such as 10.244.0.0/16`,
      );
    },
  );

  it("is of one family", () => {
    expect(parseIpv4Prefix("10.244.0.0/16")).toBe("10.244.0.0/16");
    expect(parseIpv6Prefix("fd00::/64")).toBe("fd00::/64");
    expect(() => parseIpv4Prefix("fd00::/64")).toThrow(`"fd00::/64" is not an IPv4 network`);
    expect(() => parseIpv6Prefix("10.244.0.0/16")).toThrow(`"10.244.0.0/16" is not an IPv6 network`);
    expect(isIpv4Prefix(parsePrefix("10.244.0.0/16"))).toBe(true);
    expect(isIpv4Prefix(parsePrefix("fd00::/64"))).toBe(false);
    expect(prefixFamily(parsePrefix("10.244.0.0/16"))).toBe("v4");
    expect(prefixFamily(parsePrefix("fd00::/64"))).toBe("v6");
  });

  it.each([
    ["10.244.3.77", 24, "10.244.3.0/24"],
    ["10.244.3.77", 16, "10.244.0.0/16"],
    ["10.244.3.77", 0, "0.0.0.0/0"],
    ["10.244.3.77", 32, "10.244.3.77/32"],
    ["255.255.255.255", 1, "128.0.0.0/1"],
    ["fd00:1:2:3:4::5", 64, "fd00:1:2:3::/64"],
    ["fd00:1:2:3:4::5", 0, "::/0"],
    ["fd00:1:2:3:4::5", 128, "fd00:1:2:3:4::5/128"],
  ])("of %s at length %i is %s", (ip, length, prefix) => {
    expect(prefixOf(parseIp(ip), length)).toBe(prefix);
  });

  it.each([
    ["10.244.3.0/24", "10.244.3.0", 24, 256n],
    ["0.0.0.0/0", "0.0.0.0", 0, 1n << 32n],
    ["10.0.0.1/32", "10.0.0.1", 32, 1n],
    ["fd00::/64", "fd00::", 64, 1n << 64n],
    ["::/0", "::", 0, 1n << 128n],
  ])("%s has address, length and range", (text, address, length, size) => {
    const prefix = parsePrefix(text);
    expect(prefixAddress(prefix as never)).toBe(address);
    expect(prefixLength(prefix)).toBe(length);
    const { first, last } = prefixRange(prefix);
    expect(last - first + 1n).toBe(size);
    expect(first % size).toBe(0n);
  });

  it("has addresses by number", () => {
    expect(nthAddress(parseIpv4Prefix("10.244.3.0/24"), 1)).toBe("10.244.3.1");
    expect(nthAddress(parseIpv4Prefix("10.244.3.0/24"), 0)).toBe("10.244.3.0");
    expect(nthAddress(parseIpv6Prefix("fd00::/64"), 258)).toBe("fd00::102");
  });
});

describe("containment", () => {
  it.each([
    ["10.244.3.0/24", "10.244.3.0", true],
    ["10.244.3.0/24", "10.244.3.255", true],
    ["10.244.3.0/24", "10.244.2.255", false],
    ["10.244.3.0/24", "10.244.4.0", false],
    ["0.0.0.0/0", "255.255.255.255", true],
    ["0.0.0.0/0", "::1", false],
    ["::/0", "10.0.0.1", false],
    ["::/0", "::a00:1", true],
    ["fd00::/64", "fd00::ffff:ffff:ffff:ffff", true],
    ["fd00::/64", "fd00:0:0:1::", false],
    ["10.0.0.1/32", "10.0.0.1", true],
    ["fd00:1::/64", "fd00:0:ffff:ffff:ffff:ffff:ffff:ffff", false],
    ["fd00:1::/64", "fd00:1::", true],
    ["fd00:1::/64", "fd00:1::ffff:ffff:ffff:ffff", true],
    ["fd00:1::/64", "fd00:1:0:1::", false],
  ])("%s contains %s: %s", (prefix, ip, isInside) => {
    expect(containsIp(parsePrefix(prefix), parseIp(ip))).toBe(isInside);
  });

  it.each([
    ["10.244.0.0/16", "10.244.3.0/24", true, true],
    ["10.244.3.0/24", "10.244.0.0/16", false, true],
    ["10.244.0.0/16", "10.244.0.0/16", true, true],
    ["10.244.0.0/16", "10.244.0.0/15", false, true],
    ["10.244.0.0/16", "10.245.0.0/24", false, false],
    ["10.245.0.0/24", "10.244.0.0/16", false, false],
    ["0.0.0.0/0", "::/0", false, false],
    ["::/0", "fd00::/64", true, true],
  ])("%s contains all of %s: %s; they overlap: %s", (outer, inner, contains, isOverlap) => {
    expect(containsPrefix(parsePrefix(outer), parsePrefix(inner))).toBe(contains);
    expect(overlaps(parsePrefix(outer), parsePrefix(inner))).toBe(isOverlap);
    expect(overlaps(parsePrefix(inner), parsePrefix(outer))).toBe(isOverlap);
  });
});

it("a network that wraps is not made of an address at its end", () => {
  expect(prefixOf(parseIpv4("255.255.255.255"), 32)).toBe("255.255.255.255/32");
  expect(prefixOf(parseIpv6("ffff::"), 16)).toBe("ffff::/16");
});
