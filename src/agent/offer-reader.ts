/** Reads the offers of leases by the backends that they name. Pure. */
import type { Backend } from "../../backends/backend.ts";
import { findBackend } from "../../backends/registry.ts";
import type { OfferReading, ReadOffer } from "../lease/offer-reading.ts";
import { messageOf } from "../runtime/error.ts";

/** For an offer of an unknown backend: no path uses it, and the peer is reported as `foreign-backend`. */
const UNKNOWN: OfferReading = { data: {}, conflictKeys: [] };

export function offerReader(backends: readonly Backend[]): ReadOffer {
  return ({ type, data: json }, family) => {
    const backend = findBackend(type, backends);
    if (backend === null) return UNKNOWN;
    try {
      const data = backend.parseData(json[family], family);
      return typeof data === "string" ? data : { data, conflictKeys: backend.conflictKeys(data) };
    } catch (error) {
      // A fault of that backend, which must cost no other peer its path.
      return `its data cannot be read: ${messageOf(error)}`;
    }
  };
}
