/** Names of the annotations that flannel and Tweed share on a Node. */
import { TweedError } from "../../runtime/error.ts";

/** The names after the prefix; operators set the last four. */
export const ANNOTATIONS = {
  managed: "kube-subnet-manager",
  backendType: "backend-type",
  backendData: "backend-data",
  backendV6Data: "backend-v6-data",
  publicIp: "public-ip",
  publicIpv6: "public-ipv6",
  /** Ours: the offers after the first, as in a lease's text; flannel ignores it. */
  moreOffers: "tweed-offers",
  /** Ours: the first offer's data beyond flannel's, and further source addresses of the node. */
  furtherData: "tweed-data",
  publicIpOverwrite: "public-ip-overwrite",
  publicIpv6Overwrite: "public-ipv6-overwrite",
  nodePublicIp: "node-public-ip",
  nodePublicIpv6: "node-public-ipv6",
} as const;

/** A DNS name of two labels or more, a slash, and optionally a name prefix that ends in a dash. */
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
    reason: `${JSON.stringify(written)} is not a prefix of annotations, expected a lower-case domain such as example.com, or example.com/name`,
  });
}
