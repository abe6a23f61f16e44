import type { Family } from "../../../net/index.ts";

/** A packet's source address, as an nft expression. */
export const SOURCE_ADDRESS: Readonly<Record<Family, string>> = { v4: "ip saddr", v6: "ip6 saddr" };

/**
 * Declares a set of addresses by an expression, never by the name of a type. For a set declared by `type`, nft 1.1
 * stores metadata on which nft 1.0.6 (Debian 12) crashes with a segmentation fault whenever it lists sets, kube-proxy's
 * on the same host too.
 */
export function addressesType(family: Family): string {
  return `typeof ${SOURCE_ADDRESS[family]}`;
}
