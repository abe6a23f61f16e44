/** IPv4 addresses and prefixes as numbers, remembered by their texts: the oracle compares the same few all day. */
import type { Ip, Ipv4Prefix, Prefix } from "../../src/net/index.ts";

interface Range {
  readonly first: number;
  readonly mask: number;
  readonly length: number;
}

const numbers = new Map<string, number>();
const ranges = new Map<string, Range | null>();

/** As an unsigned number. */
export function numberOf(ip: string): number {
  const known = numbers.get(ip);
  if (known !== undefined) return known;
  const number = ip.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
  numbers.set(ip, number);
  return number;
}

/** null for a prefix of IPv6. */
function rangeOf(prefix: string): Range | null {
  const known = ranges.get(prefix);
  if (known !== undefined) return known;
  const [address = "", length = ""] = prefix.split("/");
  const mask = Number(length) === 0 ? 0 : (0xffffffff << (32 - Number(length))) >>> 0;
  const range = prefix.includes(":") ? null : { first: numberOf(address), mask, length: Number(length) };
  ranges.set(prefix, range);
  return range;
}

export function contains(prefix: Prefix, ip: Ip): boolean {
  const range = rangeOf(prefix);
  return range !== null && (numberOf(ip) & range.mask) >>> 0 === range.first;
}

export function lengthOf(prefix: Prefix): number {
  return rangeOf(prefix)?.length ?? -1;
}

export function isInside(outer: Ipv4Prefix, inner: Prefix): boolean {
  const range = rangeOf(inner);
  const around = rangeOf(outer);
  if (range === null || around === null) return false;
  return around.length <= range.length && (range.first & around.mask) >>> 0 === around.first;
}

export function areOverlapping(one: Prefix, other: Prefix): boolean {
  return isInside(one as Ipv4Prefix, other) || isInside(other as Ipv4Prefix, one);
}
