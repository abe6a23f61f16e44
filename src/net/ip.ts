/**
 * IP addresses as branded strings in canonical text: dotted quads without leading zeros, and RFC 5952 for IPv6
 * (lower case, longest run of zero groups shortened, no embedded IPv4 except for ::ffff:0:0/96). Two addresses
 * are equal exactly when their texts are, so they can be map keys and print without conversion.
 */
import { TweedError } from "../runtime/error.ts";

declare const brand: unique symbol;
export type Ipv4 = string & { readonly [brand]: "Ipv4" };
export type Ipv6 = string & { readonly [brand]: "Ipv6" };
export type Ip = Ipv4 | Ipv6;
export type Family = "v4" | "v6";

/** A value for each address family; null where the family is off or absent. */
export interface DualStack<V4, V6 = V4> {
  readonly v4: V4 | null;
  readonly v6: V6 | null;
}
export type DualIp = DualStack<Ipv4, Ipv6>;

export const FAMILIES = ["v4", "v6"] as const satisfies readonly Family[];

export function familyOf(ip: Ip): Family {
  return ip.includes(":") ? "v6" : "v4";
}
export function isIpv4(ip: Ip): ip is Ipv4 {
  return familyOf(ip) === "v4";
}
export function isIpv6(ip: Ip): ip is Ipv6 {
  return familyOf(ip) === "v6";
}

const OCTET = String.raw`(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)`;
const CANONICAL_IPV4 = new RegExp(String.raw`^${OCTET}(?:\.${OCTET}){3}$`);

/** The address, or null when the text is not canonical IPv4 ("010.0.0.1" is not). */
export function tryParseIpv4(text: string): Ipv4 | null {
  return CANONICAL_IPV4.test(text) ? (text as Ipv4) : null;
}

/** Six groups and an IPv4 address, with all their digits. */
const MAX_IPV6_LENGTH = "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255".length;

/** The address in canonical form, or null. Accepts any RFC 4291 text without a zone. */
export function tryParseIpv6(text: string): Ipv6 | null {
  // Text of any length comes from peers, and is split into groups below.
  if (text.length > MAX_IPV6_LENGTH) return null;
  const bits = ipv6TextToBits(text);
  return bits === null ? null : ipv6FromBits(bits);
}

export function tryParseIp(text: string): Ip | null {
  return tryParseIpv4(text) ?? tryParseIpv6(text);
}

/** @throws TweedError `invalid-address` */
export function parseIpv4(text: string): Ipv4 {
  return tryParseIpv4(text) ?? refuse(text, "an IPv4 address such as 10.244.3.0");
}
/** @throws TweedError `invalid-address` */
export function parseIpv6(text: string): Ipv6 {
  return tryParseIpv6(text) ?? refuse(text, "an IPv6 address such as fd00:10:244::");
}
/** @throws TweedError `invalid-address` */
export function parseIp(text: string): Ip {
  return tryParseIp(text) ?? refuse(text, "an IPv4 or IPv6 address");
}

function refuse(text: string, wanted: string): never {
  throw new TweedError({
    code: "invalid-address",
    operation: "parse address",
    reason: `${JSON.stringify(text)} is not ${wanted}`,
  });
}

export function ipv4Bits(ip: Ipv4): number {
  return leadingIpv4Bits(ip, ip.length);
}

/**
 * Of the canonical address before `end`, for example a prefix's. Without pieces of text: thousands of addresses are
 * compared in each pass.
 */
export function leadingIpv4Bits(text: string, end: number): number {
  let bits = 0;
  let octet = 0;
  for (let index = 0; index < end; index++) {
    const code = text.charCodeAt(index);
    if (code === DOT) {
      bits = bits * 256 + octet;
      octet = 0;
    } else octet = octet * 10 + code - ZERO;
  }
  return bits * 256 + octet;
}

const DOT = ".".charCodeAt(0);
const ZERO = "0".charCodeAt(0);

/** `bits` is taken modulo 2^32, so arithmetic that overflows wraps as in flannel. */
export function ipv4FromBits(bits: number): Ipv4 {
  const word = bits >>> 0;
  return `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}` as Ipv4;
}

export function ipv6Bits(ip: Ipv6): bigint {
  const bits = ipv6TextToBits(ip);
  if (bits === null) return refuse(ip, "an IPv6 address");
  return bits;
}

/** `bits` is taken modulo 2^128. */
export function ipv6FromBits(bits: bigint): Ipv6 {
  const word = BigInt.asUintN(128, bits);
  const groups: number[] = [];
  // A piece of three groups is exact as a number, which is several times as fast as a bigint.
  for (const piece of [Number(word >> 80n), Number((word >> 32n) & 0xffff_ffff_ffffn)])
    groups.push(Math.floor(piece / 2 ** 32), (piece / 2 ** 16) & 0xffff, piece & 0xffff);
  const rest = Number(word & 0xffff_ffffn);
  groups.push(rest >>> 16, rest & 0xffff);
  return formatGroups(groups);
}

/** The address as an unsigned number of 32 or 128 bits. */
export function ipBits(ip: Ip): bigint {
  return isIpv4(ip) ? BigInt(ipv4Bits(ip)) : ipv6Bits(ip as Ipv6);
}
export function ipFromBits(family: Family, bits: bigint): Ip {
  return family === "v4" ? ipv4FromBits(Number(BigInt.asUintN(32, bits))) : ipv6FromBits(bits);
}

/** Network byte order: 4 or 16 bytes. */
export function ipToBytes(ip: Ip): Uint8Array {
  if (isIpv4(ip)) return Uint8Array.from(ip.split("."), Number);
  const bytes = new Uint8Array(16);
  const groups = ipv6Groups(ip);
  if (groups === null) return refuse(ip, "an IPv6 address");
  for (const [index, group] of groups.entries()) {
    bytes[index * 2] = group >>> 8;
    bytes[index * 2 + 1] = group & 255;
  }
  return bytes;
}

/** @throws TweedError `invalid-address` unless there are 4 or 16 bytes */
export function ipFromBytes(bytes: Uint8Array): Ip {
  if (bytes.length === 4) return bytes.join(".") as Ipv4;
  if (bytes.length !== 16) return refuse(`${bytes.length} bytes`, "an address of 4 or 16 bytes");
  const groups: number[] = [];
  for (let index = 0; index < 16; index += 2) {
    groups.push(((bytes[index] as number) << 8) | (bytes[index + 1] as number));
  }
  return formatGroups(groups);
}

/** True for an address that a host can own and a peer can be reached at. */
export function isUsableUnicast(ip: Ip): boolean {
  if (isIpv4(ip)) {
    const first = ipv4Bits(ip) >>> 24;
    return first !== 0 && first !== 127 && first < 224;
  }
  const bits = ipv6Bits(ip as Ipv6);
  const isUnspecifiedOrLoopback = bits <= 1n;
  const isMulticast = bits >> 120n === 0xffn;
  const isLinkLocal = bits >> 118n === 0x3fan; // fe80::/10
  const isMappedIpv4 = bits >> 32n === 0xffffn; // ::ffff:0:0/96
  return !isUnspecifiedOrLoopback && !isMulticast && !isLinkLocal && !isMappedIpv4;
}

function ipv6TextToBits(text: string): bigint | null {
  const groups = ipv6Groups(text);
  if (groups === null) return null;
  // Three groups are exact as a number, which is several times as fast as a bigint.
  const three = (at: number) => BigInt(numberAt(groups, at) * 2 ** 16 + (groups[at + 2] as number));
  return (three(0) << 80n) | (three(3) << 32n) | BigInt(numberAt(groups, 6));
}

/** Two groups as a number. */
function numberAt(groups: readonly number[], at: number): number {
  return (groups[at] as number) * 2 ** 16 + (groups[at + 1] as number);
}

/** Eight 16-bit groups, or null when the text is not an IPv6 address. Without pieces of text, as for IPv4. */
function ipv6Groups(text: string): number[] | null {
  const groups: number[] = [];
  /** How many groups are before "::". */
  let gapAt = -1;
  let group = 0;
  let start = text.startsWith("::") ? 1 : 0;
  for (let index = start; index <= text.length; index++) {
    const code = index === text.length ? COLON : text.charCodeAt(index);
    if (code === DOT) {
      const ipv4 = tryParseIpv4(text.slice(start));
      if (ipv4 === null) return null;
      const bits = ipv4Bits(ipv4);
      groups.push(bits >>> 16, bits & 0xffff);
      break;
    }
    if (code !== COLON) {
      const digit = hexDigit(code);
      if (digit < 0 || index - start === 4) return null;
      group = group * 16 + digit;
      continue;
    }
    if (index > start) groups.push(group);
    else if (index === text.length) {
      // Of colons only "::" may be the end.
      if (gapAt !== groups.length) return null;
    } else if (gapAt >= 0 || index === 0) return null;
    else gapAt = groups.length;
    group = 0;
    start = index + 1;
  }
  if (gapAt < 0) return groups.length === 8 ? groups : null;
  // "::" stands for at least one group of zeros.
  if (groups.length > 7) return null;
  groups.splice(gapAt, 0, ...new Array<number>(8 - groups.length).fill(0));
  return groups;
}

/** Negative for any other character. */
function hexDigit(code: number): number {
  if (code >= ZERO && code <= ZERO + 9) return code - ZERO;
  const letter = (code | 0x20) - LETTER_A;
  return letter >= 0 && letter < 6 ? letter + 10 : -1;
}

const COLON = ":".charCodeAt(0);
const LETTER_A = "a".charCodeAt(0);

/** RFC 5952 section 4: shortens the longest run of at least two zero groups, the first of equal ones. */
function formatGroups(groups: readonly number[]): Ipv6 {
  let runStart = -1;
  let runLength = 1;
  for (let start = 0; start < 8; start++) {
    let length = 0;
    while (groups[start + length] === 0) length++;
    if (length > runLength) {
      runStart = start;
      runLength = length;
    }
    start += length;
  }
  const isMappedIpv4 = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  if (isMappedIpv4) {
    return `::ffff:${ipv4FromBits((groups[6] as number) * 65536 + (groups[7] as number))}` as Ipv6;
  }
  const text = (some: readonly number[]) => some.map((group) => group.toString(16)).join(":");
  if (runStart < 0) return text(groups) as Ipv6;
  return `${text(groups.slice(0, runStart))}::${text(groups.slice(runStart + runLength))}` as Ipv6;
}
