/**
 * A model of what flannel once did: a node writes its lease again in time, without a look at what the key has become. One
 * that was paused until it expired writes over the lease of the node that has claimed the subnet since.
 */
import { identityFields } from "../../../src/lease/host-identity.ts";
import type { Lease } from "../../../src/lease/lease.ts";
import { encodeLeaseValue } from "../../../src/lease/lease-value.ts";
import type { StoreHost } from "../store.ts";
import { type SimulatedEtcdStore, SUBNETS } from "./simulated-etcd-store.ts";

const RENEWAL_MS = 30_000;
const TTL_SECONDS = 120;

export async function holdForEver(
  etcd: SimulatedEtcdStore,
  host: StoreHost,
  { key, subnets: _, claimedAt: _claimed, identity, ...content }: Lease,
  signal: AbortSignal,
): Promise<never> {
  const value = Buffer.from(encodeLeaseValue(content, identityFields(identity)));
  const renew = async () => {
    const client = await etcd.connect(host);
    const { ID } = await client.leaseClient.leaseGrant({ TTL: TTL_SECONDS });
    await client.kv.put({ key: Buffer.from(SUBNETS + key), value, lease: ID });
  };
  for (;;) {
    await host.clock.sleep(RENEWAL_MS, signal);
    await renew().catch(() => {});
  }
}
