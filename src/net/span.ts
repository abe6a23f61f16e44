/**
 * Addresses and subnets as numbers to compare: plain numbers for IPv4, several times as fast as the bigints that
 * IPv6 needs. Never compare the two with each other.
 */
import { type Ip, type Ipv6, ipFromBits, ipv4Bits, ipv6Bits, isIpv4, leadingIpv4Bits } from "./ip.ts";
import { type Prefix, prefixLength, prefixRange } from "./prefix.ts";

export type AddressNumber = number | bigint;

/** Both inclusive. */
export interface Span {
  readonly first: AddressNumber;
  readonly last: AddressNumber;
}

export function spanOf(prefix: Prefix): Span {
  const slash = prefix.indexOf("/");
  if (prefix.includes(":")) return prefixRange(prefix);
  const first = leadingIpv4Bits(prefix, slash);
  return { first, last: first + 2 ** (32 - prefixLength(prefix)) - 1 };
}

export function addressNumber(ip: Ip): AddressNumber {
  return isIpv4(ip) ? ipv4Bits(ip) : ipv6Bits(ip as Ipv6);
}

export function contains({ first, last }: Span, ip: Ip): boolean {
  const address = addressNumber(ip);
  return address >= first && address <= last;
}

export function spanText({ first, last }: Span): string {
  const family = typeof first === "number" ? "v4" : "v6";
  return `${ipFromBits(family, BigInt(first))} to ${ipFromBits(family, BigInt(last))}`;
}
