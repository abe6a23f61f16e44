import { familyOf, ipFromBits, type Prefix, prefixFamily, prefixRange } from "../../../net/index.ts";
import { addressNumber, spanOf } from "../../../net/span.ts";
import type { AddressRange } from "../packet-origins.ts";

/** What can be leased, and the subnets outside of it, which an earlier configuration of the network may have left. */
export function leasedRanges(leasable: AddressRange, subnets: readonly Prefix[]): readonly AddressRange[] {
  const family = familyOf(leasable.first);
  const range = { first: addressNumber(leasable.first), last: addressNumber(leasable.last) };
  const isOutside = (subnet: Prefix) => {
    if (prefixFamily(subnet) !== family) return false;
    const { first, last } = spanOf(subnet);
    return last < range.first || first > range.last;
  };
  const outside = subnets.filter(isOutside).map((subnet) => {
    const { first, last } = prefixRange(subnet);
    return { first: ipFromBits(family, first), last: ipFromBits(family, last) };
  });
  return [leasable, ...outside];
}
