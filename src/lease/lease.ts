/** The lease model, common to all stores whatever their text format. */
import type { DualIp, DualPrefix, DualStack } from "../net/index.ts";
import type { JsonValue } from "../runtime/json.ts";
import { isSameData } from "../runtime/same-data.ts";
import type { HostIdentity } from "./host-identity.ts";

/** Backend data of each family, as the owner published it: untrusted until its backend has parsed it. */
export type BackendData = DualStack<JsonValue>;

/** One way to reach a node: a backend type, and the node's data for that backend. */
export interface BackendOffer {
  /** "vxlan", "host-gw", "udp", "ipip"; a lease that names no backend offers "udp", as in flannel. */
  readonly type: string;
  readonly data: BackendData;
}

/** What a node publishes about itself. */
export interface LeaseContent {
  readonly publicIps: DualIp;
  /** Source addresses of the owner's packets where they differ from the published ones, as behind NAT. */
  readonly sourceIps?: DualIp;
  /** Every backend that the owner can receive on, the preferred one first. A flannel lease has exactly one. */
  readonly offers: readonly [BackendOffer, ...BackendOffer[]];
}

/**
 * Whether both publish the same. Compares parsed values, not text: encoded again, text of another writer may become
 * longer than it was (1e20 is 21 digits), and a node encodes only its own data.
 */
export function isSameContent(one: LeaseContent, other: LeaseContent): boolean {
  return isSameData(comparable(one), comparable(other));
}

/** Whether both can be reached by the same backends, whatever addresses they have. */
export function isSameOffers(one: LeaseContent, other: LeaseContent): boolean {
  return isSameData(one.offers, other.offers);
}

function comparable({ publicIps, sourceIps = NO_SOURCES, offers }: LeaseContent): LeaseContent {
  return { publicIps, sourceIps, offers };
}

const NO_SOURCES: DualIp = { v4: null, v6: null };

/** The `sourceIps` of a node whose interface has the addresses `ips`; none when it publishes exactly those. */
export function sourcesBeside(publicIps: DualIp, ips: DualIp): Pick<LeaseContent, "sourceIps"> {
  const v4 = publicIps.v4 === null || ips.v4 === publicIps.v4 ? null : ips.v4;
  const v6 = publicIps.v6 === null || ips.v6 === publicIps.v6 ? null : ips.v6;
  return v4 === null && v6 === null ? {} : { sourceIps: { v4, v6 } };
}

export interface Lease extends LeaseContent {
  /** Its name in the store: an etcd key, a node name, a file name. Identifies the lease, also in logs. */
  readonly key: string;
  /** At least one family is present. */
  readonly subnets: DualPrefix;
  /** When the subnet was claimed, in the store's own order; smaller is older. */
  readonly claimedAt: bigint;
  /** The host that wrote it last; absent when that was flannel. */
  readonly identity?: HostIdentity;
}

/** All leases of a network at one moment. Unreadable entries are listed separately and never become peers. */
export interface LeaseSnapshot {
  readonly leases: readonly Lease[];
  readonly junk: readonly { readonly key: string; readonly reason: string }[];
}
