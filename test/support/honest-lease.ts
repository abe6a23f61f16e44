import type { LocalHost } from "../../backends/backend.ts";
import { type ActiveBackend, offersOf } from "../../src/agent/switch-over/active-backend.ts";
import type { Lease } from "../../src/lease/lease.ts";
import { formatSubnetKey } from "../../src/lease/subnet-key.ts";
import { type samplePeer, vtepIdentity } from "./sample-node.ts";

/** The lease of a sample peer that publishes these backends, from a host like the given one. */
export function honestLease(
  { subnets, publicIps, data }: ReturnType<typeof samplePeer>,
  backends: readonly ActiveBackend[],
  node: LocalHost,
  claimedAt: bigint,
): Lease {
  if (data.v4 === null || data.v6 === null) throw new Error("a sample peer has both families");
  const identities = vtepIdentity({ v4: data.v4.mac, v6: data.v6.mac });
  const host = { ...node, publicIps, iface: { ...node.iface, ips: publicIps }, identities };
  return { key: formatSubnetKey(subnets), subnets, publicIps, claimedAt, offers: offersOf(backends, host) };
}
