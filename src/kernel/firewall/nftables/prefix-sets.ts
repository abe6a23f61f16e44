/**
 * Subnets in the sets that nftables looks up fastest. Nearly all subnets of a network have the same length, so most are
 * elements of a hash, found by the masked address in one step. The others are in a set of intervals, which is looked up
 * only for packets that the hash does not match.
 */
import {
  addressBits,
  type Family,
  ipFromBits,
  type Prefix,
  prefixAddress,
  prefixLength,
} from "../../../net/index.ts";

/** "255.255.255.0" */
export function maskOf(length: number, family: Family): string {
  return ipFromBits(family, maskBits(length, family));
}

/** "0xffffff00", for fields that nft has only as raw bits. */
export function rawMaskOf(length: number, family: Family): string {
  return `0x${maskBits(length, family).toString(16)}`;
}

function maskBits(length: number, family: Family): bigint {
  const width = BigInt(family === "v4" ? 32 : 128);
  return ((1n << width) - 1n) ^ ((1n << (width - BigInt(length))) - 1n);
}

/** @returns those of the usual length as addresses, and the others as prefixes */
export function byLength(
  prefixes: readonly Prefix[],
  usualLength: number,
): { readonly usual: readonly string[]; readonly others: readonly Prefix[] } {
  const isUsual = (prefix: Prefix) => prefixLength(prefix) === usualLength;
  return {
    usual: prefixes.filter(isUsual).map(prefixAddress),
    others: prefixes.filter((prefix) => !isUsual(prefix)),
  };
}

/** A node without a subnet has no peers either, so any length serves. */
export function usualLength(own: Prefix | null, family: Family): number {
  return own === null ? addressBits(family) : prefixLength(own);
}
