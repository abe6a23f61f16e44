/** What the backends make of the offers of a lease. Each offer is parsed once in each family, whoever needs it. Pure. */
import type { DualPrefix, Family } from "../net/index.ts";
import type { ConflictKey } from "./conflict-key.ts";
import type { BackendOffer } from "./lease.ts";

export interface OfferReading {
  /** As the backend has parsed it. */
  readonly data: unknown;
  /** What of it no two nodes may publish. */
  readonly conflictKeys: readonly ConflictKey[];
}

/** A text says why the backend refuses the offer. */
export type ReadOffer = (offer: BackendOffer, family: Family) => OfferReading | string;

/** One offer; null in a family that is not looked at. */
export type DualReading = Readonly<Record<Family, OfferReading | string | null>>;

/** In the order of `offers`, in the families of `subnets`. */
export function readOffers(
  offers: readonly BackendOffer[],
  subnets: DualPrefix,
  read: ReadOffer,
): readonly DualReading[] {
  return offers.map((offer) => ({
    v4: subnets.v4 === null ? null : read(offer, "v4"),
    v6: subnets.v6 === null ? null : read(offer, "v6"),
  }));
}

/** Offers as the store has them, for a caller that has no backends. */
export const unparsed: ReadOffer = ({ data }, family) => ({ data: data[family], conflictKeys: [] });
