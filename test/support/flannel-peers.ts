/** Peers that are nothing but leases, as flannel's daemons write them, for a {@link LoneNode}. */
import type { LoneNode } from "./lone-node.ts";
import type { Published } from "./published-leases.ts";

/** On the node's own link. */
export const FLANNEL_PEERS = [2, 3].map((number) => ({
  net4: `10.244.${number}.0`,
  net6: `fd00:10:244:${number}::`,
  ip4: `198.18.1.${number}`,
  ip6: `fd00:198:18::1:${number}`,
  mac4: `0e:00:00:00:04:0${number}`,
  mac6: `0e:00:00:00:06:0${number}`,
})) satisfies readonly Published[];

/** @param vni of VXLAN; a peer of host-gw publishes no data */
export async function publishFlannelPeers(
  node: LoneNode,
  backend: "vxlan" | "host-gw",
  vni = 1,
): Promise<void> {
  for (const { net4, net6, ip4, ip6, mac4, mac6 } of FLANNEL_PEERS) {
    const lease = { PublicIP: ip4, PublicIPv6: ip6, BackendType: backend };
    const data = { BackendData: { VNI: vni, VtepMAC: mac4 }, BackendV6Data: { VNI: vni, VtepMAC: mac6 } };
    await node.publish(`${net4}-24&${net6}-64`, backend === "vxlan" ? { ...lease, ...data } : lease);
  }
}
