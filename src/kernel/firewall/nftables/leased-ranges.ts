import { familyOf, ipBits, ipFromBits, type Prefix, prefixFamily, prefixRange } from "../../../net/index.ts";
import type { AddressRange } from "../packet-origins.ts";

/** What can be leased, and the subnets outside of it, which an earlier configuration of the network may have left. */
export function leasedRanges(leasable: AddressRange, subnets: readonly Prefix[]): readonly AddressRange[] {
  const family = familyOf(leasable.first);
  const range = { first: ipBits(leasable.first), last: ipBits(leasable.last) };
  const outside = subnets.flatMap((subnet) => {
    if (prefixFamily(subnet) !== family) return [];
    const { first, last } = prefixRange(subnet);
    const isInside = last >= range.first && first <= range.last;
    return isInside ? [] : [{ first: ipFromBits(family, first), last: ipFromBits(family, last) }];
  });
  return [leasable, ...outside];
}
