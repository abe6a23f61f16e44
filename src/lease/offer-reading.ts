/** The offers of a lease as parsed by their backends, once in each family. Pure. */
import type { DualPrefix, Family } from "../net/index.ts";
import type { ConflictKey } from "./conflict-key.ts";
import type { BackendOffer } from "./lease.ts";

export interface OfferReading {
  /** Parsed by the backend. */
  readonly data: unknown;
  /** The values in it that no two nodes may publish. */
  readonly conflictKeys: readonly ConflictKey[];
}

/** Returns a string with the reason when the backend refuses the offer. */
export type ReadOffer = (offer: BackendOffer, family: Family) => OfferReading | string;

/** One offer; null in a family that was not evaluated. */
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

/** Leaves offers as the store has them, for a caller without backends. */
export const unparsed: ReadOffer = ({ data }, family) => ({ data: data[family], conflictKeys: [] });
