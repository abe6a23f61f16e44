/** Names of the annotations that flannel and Tweed share on a Node. */
import { TweedError } from "../../runtime/error.ts";

/** What stands after the prefix; operators write the last four. */
export const ANNOTATIONS = {
  managed: "kube-subnet-manager",
  backendType: "backend-type",
  backendData: "backend-data",
  backendV6Data: "backend-v6-data",
  publicIp: "public-ip",
  publicIpv6: "public-ipv6",
  /** Ours: the offers beyond the first, as in a lease's text; flannel passes over it. */
  moreOffers: "tweed-offers",
  /** Ours: what the first offer says beyond flannel's data, and from which further addresses the node sends. */
  furtherData: "tweed-data",
  publicIpOverwrite: "public-ip-overwrite",
  publicIpv6Overwrite: "public-ipv6-overwrite",
  nodePublicIp: "node-public-ip",
  nodePublicIpv6: "node-public-ipv6",
} as const;

/** A DNS name of two labels or more, a slash, and perhaps the beginning of a name that ends in a dash. */
const COMPLETE = /^(?:[a-z0-9_-]+\.)+[a-z0-9_-]+\/(?:[a-z0-9_-]*-)?$/;

/**
 * Completes `--kube-annotation-prefix` as flannel does: "flannel.alpha.coreos.com" gives
 * "flannel.alpha.coreos.com/", "example.com/net" gives "example.com/net-".
 * @throws TweedError `usage`
 */
export function completePrefix(written: string): string {
  const withSlash = written.includes("/") ? written : `${written}/`;
  const complete = /[/-]$/.test(withSlash) ? withSlash : `${withSlash}-`;
  if (COMPLETE.test(complete)) return complete;
  throw new TweedError({
    code: "usage",
    operation: "check flag --kube-annotation-prefix",
    reason: `${JSON.stringify(written)} begins no annotation, expected a lower-case domain such as example.com, or example.com/name`,
  });
}
