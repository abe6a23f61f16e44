/** Addresses and prefixes as numbers, remembered by their texts: the oracle compares the same few all day. */
import { type Ip, ipv6Bits, type Prefix, tryParseIpv6 } from "../../src/net/index.ts";

/** IPv4 as numbers, which are faster than the bigints that IPv6 needs. */
type Range =
  | { readonly isV6: false; readonly length: number; readonly first: number; readonly mask: number }
  | { readonly isV6: true; readonly length: number; readonly first: bigint; readonly hostBits: bigint };

const numbers = new Map<string, number>();
const bits = new Map<string, bigint>();
const ranges = new Map<string, Range>();

/** As an unsigned number. */
function numberOf(ip: string): number {
  const known = numbers.get(ip);
  if (known !== undefined) return known;
  const number = ip.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
  numbers.set(ip, number);
  return number;
}

function bitsOf(ip: string): bigint {
  const known = bits.get(ip);
  if (known !== undefined) return known;
  const parsed = tryParseIpv6(ip);
  const value = parsed === null ? 0n : ipv6Bits(parsed);
  bits.set(ip, value);
  return value;
}

function rangeOf(prefix: string): Range {
  const known = ranges.get(prefix);
  if (known !== undefined) return known;
  const [address = "", text = ""] = prefix.split("/");
  const length = Number(text);
  const mask = length === 0 ? 0 : (0xffffffff << (32 - length)) >>> 0;
  const range: Range = address.includes(":")
    ? { isV6: true, first: bitsOf(address), length, hostBits: BigInt(128 - length) }
    : { isV6: false, first: numberOf(address), mask, length };
  ranges.set(prefix, range);
  return range;
}

export function contains(prefix: Prefix, ip: Ip): boolean {
  return memberOf(ip)(prefix);
}

/** As {@link contains}, for one address and many prefixes. */
export function memberOf(ip: Ip): (prefix: Prefix) => boolean {
  if (ip.includes(":")) {
    const bits = bitsOf(ip);
    return (prefix) => {
      const range = rangeOf(prefix);
      return range.isV6 && isWithinBits(range, bits);
    };
  }
  const number = numberOf(ip);
  return (prefix) => {
    const range = rangeOf(prefix);
    return !range.isV6 && (number & range.mask) >>> 0 === range.first;
  };
}

export function lengthOf(prefix: Prefix): number {
  return rangeOf(prefix).length;
}

export function isInside(outer: Prefix, inner: Prefix): boolean {
  const [around, range] = [rangeOf(outer), rangeOf(inner)];
  if (around.length > range.length) return false;
  if (around.isV6) return range.isV6 && isWithinBits(around, range.first);
  return !range.isV6 && (range.first & around.mask) >>> 0 === around.first;
}

export function areOverlapping(one: Prefix, other: Prefix): boolean {
  return isInside(one, other) || isInside(other, one);
}

export function isBetween(ip: Ip, { first, last }: { readonly first: Ip; readonly last: Ip }): boolean {
  const isV6 = ip.includes(":");
  if (first.includes(":") !== isV6) return false;
  if (isV6) return bitsOf(first) <= bitsOf(ip) && bitsOf(ip) <= bitsOf(last);
  return numberOf(first) <= numberOf(ip) && numberOf(ip) <= numberOf(last);
}

function isWithinBits({ first, hostBits }: Extract<Range, { isV6: true }>, ip: bigint): boolean {
  return ip >> hostBits === first >> hostBits;
}
