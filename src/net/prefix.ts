/**
 * Prefixes as branded strings in canonical text ("10.244.3.0/24"): a canonical address, no host bits set.
 * Like addresses they are equal exactly when their texts are.
 */
import { TweedError } from "../runtime/error.ts";
import {
  type DualStack,
  type Family,
  familyOf,
  type Ip,
  type Ipv4,
  type Ipv6,
  ipBits,
  ipFromBits,
  ipv4Bits,
  ipv4FromBits,
  isIpv4,
  leadingIpv4Bits,
  tryParseIp,
} from "./ip.ts";

declare const brand: unique symbol;
export type Ipv4Prefix = string & { readonly [brand]: "Ipv4Prefix" };
export type Ipv6Prefix = string & { readonly [brand]: "Ipv6Prefix" };
export type Prefix = Ipv4Prefix | Ipv6Prefix;
export type DualPrefix = DualStack<Ipv4Prefix, Ipv6Prefix>;

/** An address with the length of its network, including host bits: "10.244.3.1/24". */
export interface Cidr<A extends Ip = Ip> {
  readonly ip: A;
  readonly length: number;
}

export function addressBits(family: Family): 32 | 128 {
  return family === "v4" ? 32 : 128;
}

const LENGTH = /^(?:0|[1-9]\d{0,2})$/;

export function tryParseCidr(text: string): Cidr | null {
  const slash = text.indexOf("/");
  const digits = text.slice(slash + 1);
  if (slash < 0 || !LENGTH.test(digits)) return null;
  const ip = tryParseIp(text.slice(0, slash));
  const length = Number(digits);
  return ip === null || length > addressBits(familyOf(ip)) ? null : { ip, length };
}

/** @throws TweedError `invalid-prefix` */
export function parseCidr(text: string): Cidr {
  return tryParseCidr(text) ?? refuse(text, "an address with a length such as 10.244.3.1/24");
}

/** @throws TweedError `invalid-prefix`; host bits are an error, use {@link prefixOf} to mask them */
export function parsePrefix(text: string): Prefix {
  return tryParsePrefix(text) ?? refuse(text, "a network without host bits such as 10.244.0.0/16");
}
export function tryParsePrefix(text: string): Prefix | null {
  const cidr = tryParseCidr(text);
  if (cidr === null) return null;
  const prefix = prefixOf(cidr.ip, cidr.length);
  return prefixAddress(prefix) === cidr.ip ? prefix : null;
}

export function parseIpv4Prefix(text: string): Ipv4Prefix {
  const prefix = parsePrefix(text);
  return isIpv4Prefix(prefix) ? prefix : refuse(text, "an IPv4 network");
}
export function parseIpv6Prefix(text: string): Ipv6Prefix {
  const prefix = parsePrefix(text);
  return isIpv4Prefix(prefix) ? refuse(text, "an IPv6 network") : prefix;
}

export function isIpv4Prefix(prefix: Prefix): prefix is Ipv4Prefix {
  return !prefix.includes(":");
}
export function prefixFamily(prefix: Prefix): Family {
  return isIpv4Prefix(prefix) ? "v4" : "v6";
}

/** The network of `ip` at this length; host bits are masked. */
export function prefixOf(ip: Ipv4, length: number): Ipv4Prefix;
export function prefixOf(ip: Ipv6, length: number): Ipv6Prefix;
export function prefixOf(ip: Ip, length: number): Prefix;
export function prefixOf(ip: Ip, length: number): Prefix {
  if (isIpv4(ip)) {
    const size = 2 ** (32 - length);
    return `${ipv4FromBits(Math.floor(ipv4Bits(ip) / size) * size)}/${length}` as Prefix;
  }
  const hostBits = BigInt(128 - length);
  return `${ipFromBits("v6", (ipBits(ip) >> hostBits) << hostBits)}/${length}` as Prefix;
}

export function prefixAddress(prefix: Ipv4Prefix): Ipv4;
export function prefixAddress(prefix: Ipv6Prefix): Ipv6;
export function prefixAddress(prefix: Prefix): Ip;
export function prefixAddress(prefix: Prefix): Ip {
  return prefix.slice(0, prefix.indexOf("/")) as Ip;
}

/** Without pieces of text: thousands of prefixes are compared in each pass. */
export function prefixLength(prefix: Prefix): number {
  let length = 0;
  for (let index = prefix.indexOf("/") + 1; index < prefix.length; index++) {
    length = length * 10 + prefix.charCodeAt(index) - ZERO;
  }
  return length;
}

const ZERO = "0".charCodeAt(0);

/** First and last address as numbers, both inclusive. */
export function prefixRange(prefix: Prefix): { readonly first: bigint; readonly last: bigint } {
  const size = 1n << BigInt(addressBits(prefixFamily(prefix)) - prefixLength(prefix));
  const first = ipBits(prefixAddress(prefix));
  return { first, last: first + size - 1n };
}

/** False across families. */
export function containsIp(prefix: Prefix, ip: Ip): boolean {
  if (prefixFamily(prefix) !== familyOf(ip)) return false;
  if (isIpv4(ip)) return containsIpv4(prefix, ipv4Bits(ip));
  const hostBits = BigInt(128 - prefixLength(prefix));
  return ipBits(prefixAddress(prefix)) >> hostBits === ipBits(ip) >> hostBits;
}

/** Several times as fast as the bigints that IPv6 needs. */
function containsIpv4(prefix: Prefix, bits: number): boolean {
  const size = 2 ** (32 - prefixLength(prefix));
  return leadingIpv4Bits(prefix, prefix.indexOf("/")) === Math.floor(bits / size) * size;
}

/** True when `outer` contains every address of `inner`; false across families. */
export function containsPrefix(outer: Prefix, inner: Prefix): boolean {
  if (prefixLength(inner) < prefixLength(outer)) return false;
  if (isIpv4Prefix(outer) && isIpv4Prefix(inner)) {
    return containsIpv4(outer, leadingIpv4Bits(inner, inner.indexOf("/")));
  }
  return containsIp(outer, prefixAddress(inner));
}

export function overlaps(a: Prefix, b: Prefix): boolean {
  return containsIp(a, prefixAddress(b)) || containsIp(b, prefixAddress(a));
}

/** The address `offset` after the network address: 1 gives the bridge address of a node's subnet. */
export function nthAddress(prefix: Ipv4Prefix, offset: number): Ipv4;
export function nthAddress(prefix: Ipv6Prefix, offset: number): Ipv6;
export function nthAddress(prefix: Prefix, offset: number): Ip;
export function nthAddress(prefix: Prefix, offset: number): Ip {
  const address = prefixAddress(prefix);
  if (isIpv4(address)) return ipv4FromBits(ipv4Bits(address) + offset);
  return ipFromBits("v6", ipBits(address) + BigInt(offset));
}

function refuse(text: string, wanted: string): never {
  throw new TweedError({
    code: "invalid-prefix",
    operation: "parse prefix",
    reason: `${JSON.stringify(text)} is not ${wanted}`,
  });
}
