import type { LocalHost } from "../../../backends/backend.ts";
import { type LeaseContent, sourcesBeside } from "../../lease/lease.ts";
import { isSameList } from "../../runtime/same-list.ts";
import { type ActiveBackend, isSuitable, offersOf } from "./active-backend.ts";
import type { Advertiser } from "./event.ts";

/** What this host can publish, as it is now. The same list of backends gives the same object: each event asks for it. */
export function advertiserOn(host: LocalHost): Advertiser<ActiveBackend> {
  const { publicIps, iface } = host;
  let last: { readonly backends: readonly ActiveBackend[]; readonly content: LeaseContent } | null = null;
  return {
    supports: (backend) => isSuitable(backend, host),
    contentOf: (backends) => {
      if (last === null || !isSameList(last.backends, backends)) {
        const offers = offersOf(backends, host);
        last = { backends, content: { publicIps, ...sourcesBeside(publicIps, iface.ips), offers } };
      }
      return last.content;
    },
  };
}
