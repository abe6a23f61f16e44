/** The lease model: what every store reads and writes, whatever the text it uses for it. */
import { isDeepStrictEqual } from "node:util";
import type { DualIp, DualPrefix, DualStack } from "../net/index.ts";
import type { JsonValue } from "../runtime/json.ts";
import type { HostIdentity } from "./host-identity.ts";

/** Backend data of each family, as the owner published it: hostile until its backend has read it. */
export type BackendData = DualStack<JsonValue>;

/** One way to reach a node: a backend and what that backend needs to know of the node. */
export interface BackendOffer {
  /** "vxlan", "host-gw", "udp", "ipip"; a lease that names no backend offers "udp", as in flannel. */
  readonly type: string;
  readonly data: BackendData;
}

/** What a node publishes about itself. */
export interface LeaseContent {
  readonly publicIps: DualIp;
  /** Addresses that the owner's packets come from although it publishes others, as behind NAT; absent for none. */
  readonly sourceIps?: DualIp;
  /** Every backend that the owner can receive on, its preferred one first. A flannel lease has exactly one. */
  readonly offers: readonly [BackendOffer, ...BackendOffer[]];
}

/**
 * Whether both say the same of a node. What was read is compared as it was parsed: written out again it may be longer
 * than what it was read from (1e20 is 21 digits), and nobody's data is to be written but one's own.
 */
export function isSameContent(one: LeaseContent, other: LeaseContent): boolean {
  return isDeepStrictEqual(said(one), said(other));
}

function said({ publicIps, sourceIps = NO_SOURCES, offers }: LeaseContent): LeaseContent {
  return { publicIps, sourceIps, offers };
}

const NO_SOURCES: DualIp = { v4: null, v6: null };

/** What `sourceIps` is where `ips` are the addresses of the interface; none where those are what is published. */
export function sourcesBeside(publicIps: DualIp, ips: DualIp): Pick<LeaseContent, "sourceIps"> {
  const v4 = publicIps.v4 === null || ips.v4 === publicIps.v4 ? null : ips.v4;
  const v6 = publicIps.v6 === null || ips.v6 === publicIps.v6 ? null : ips.v6;
  return v4 === null && v6 === null ? {} : { sourceIps: { v4, v6 } };
}

export interface Lease extends LeaseContent {
  /** What the store calls it: an etcd key, a node name, a file name. For logs and for telling leases apart. */
  readonly key: string;
  /** At least one family is present. */
  readonly subnets: DualPrefix;
  /** When the subnet was claimed, in the store's own order: the smaller the older. */
  readonly claimedAt: bigint;
  /** Which host wrote it last; absent where that was flannel. */
  readonly identity?: HostIdentity;
}

/** All leases of a network at one moment. Whatever could not be read is named, and is nobody's peer. */
export interface LeaseSnapshot {
  readonly leases: readonly Lease[];
  readonly junk: readonly { readonly key: string; readonly reason: string }[];
}
