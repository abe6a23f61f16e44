import type { LocalHost } from "../../../backends/backend.ts";
import { sourcesBeside } from "../../lease/lease.ts";
import { type ActiveBackend, isSuitable, offersOf } from "./active-backend.ts";
import type { Advertiser } from "./event.ts";

/** What this host can publish, as it is now. */
export function advertiserOn(host: LocalHost): Advertiser<ActiveBackend> {
  const { publicIps, iface } = host;
  return {
    supports: (backend) => isSuitable(backend, host),
    contentOf: (backends) => ({
      publicIps,
      ...sourcesBeside(publicIps, iface.ips),
      offers: offersOf(backends, host),
    }),
  };
}
