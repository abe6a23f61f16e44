/** Addresses as numbers: both ends of a span belong to it. */
import { describe, expect, test } from "vitest";
import { Coverage } from "../../../src/lease/coverage.ts";
import { parseIp, parsePrefix } from "../../../src/net/index.ts";
import { contains, spanOf, spanText } from "../../../src/net/span.ts";

describe("a span", () => {
  test.for([
    ["10.5.0.0/24", "10.5.0.0", true],
    ["10.5.0.0/24", "10.5.0.255", true],
    ["10.5.0.0/24", "10.4.255.255", false],
    ["10.5.0.0/24", "10.5.1.0", false],
    ["fd00:1::/64", "fd00:1::", true],
    ["fd00:1::/64", "fd00:1::ffff:ffff:ffff:ffff", true],
    ["fd00:1::/64", "fd00:0:ffff:ffff:ffff:ffff:ffff:ffff", false],
    ["fd00:1::/64", "fd00:1:0:1::", false],
  ] as const)("of %s contains %s: %s", ([prefix, ip, isInside]) => {
    expect(contains(spanOf(parsePrefix(prefix)), parseIp(ip))).toBe(isInside);
  });

  test("is told as its first and last address", () => {
    expect(spanText(spanOf(parsePrefix("10.5.0.0/16")))).toBe("10.5.0.0 to 10.5.255.255");
    expect(spanText(spanOf(parsePrefix("::/112")))).toBe(":: to ::ffff");
  });
});

describe("a coverage", () => {
  test("lets nothing be claimed that has one address of another", () => {
    const coverage = new Coverage();
    expect(coverage.claim({ first: 10, last: 20 })).toBe(true);
    for (const [first, last] of [
      [5, 10],
      [20, 25],
      [15, 15],
      [5, 25],
    ] as const)
      expect(coverage.claim({ first, last })).toBe(false);
    expect(coverage.claim({ first: 5, last: 9 })).toBe(true);
    expect(coverage.claim({ first: 21, last: 25 })).toBe(true);
    expect(coverage.claim({ first: 26, last: 26 })).toBe(true);
  });

  test("knows where what overlaps a span first ends", () => {
    const coverage = new Coverage();
    coverage.claim({ first: 10, last: 20 });
    coverage.claim({ first: 30, last: 40 });
    const found = (first: number, last: number) => coverage.lastTakenWithin({ first, last });
    expect([found(0, 9), found(0, 10), found(20, 25), found(21, 29), found(20, 30), found(40, 50)]).toEqual([
      null,
      20,
      20,
      null,
      20,
      40,
    ]);
  });

  test("is the same in whatever order its prefixes come, one within another too", () => {
    const prefixes = ["10.0.3.0/24", "10.0.0.0/24", "10.0.1.0/25", "10.0.0.0/23", "10.0.0.255/32"].map(
      parsePrefix,
    );
    for (const list of [prefixes, prefixes.toReversed()]) {
      const coverage = Coverage.of(list);
      const isTaken = (prefix: string) => coverage.overlaps(parsePrefix(prefix));
      expect(
        ["10.0.0.0/32", "10.0.1.255/32", "10.0.2.0/24", "10.0.3.255/32", "10.0.4.0/24"].map(isTaken),
      ).toEqual([true, true, false, true, false]);
    }
  });
});
