/** Peers that consist only of leases, as flannel's daemons write them. */
import { type Published, publish } from "./published-leases.ts";

export interface FlannelPeer extends Published {
  readonly net6: string;
  readonly ip6: string;
  readonly mac4: string;
  readonly mac6: string;
}

/** Number 0 has the subnet that no daemon allocates, because allocation starts with the network's second. */
export function flannelPeer(number: number): FlannelPeer {
  return {
    net4: `10.244.${number}.0`,
    net6: number === 0 ? "fd00:10:244::" : `fd00:10:244:${number}::`,
    ip4: `198.18.2.${number}`,
    ip6: `fd00:198:18::2:${number}`,
    mac4: `0e:00:00:00:04:0${number}`,
    mac6: `0e:00:00:00:06:0${number}`,
  };
}

/** @param vni of VXLAN; a peer of host-gw publishes no data */
export async function publishFlannelPeer(
  store: string,
  { net4, net6, ip4, ip6, mac4, mac6 }: FlannelPeer,
  backend: "vxlan" | "host-gw",
  vni = 1,
): Promise<void> {
  const lease = { PublicIP: ip4, PublicIPv6: ip6, BackendType: backend };
  const data = { BackendData: { VNI: vni, VtepMAC: mac4 }, BackendV6Data: { VNI: vni, VtepMAC: mac6 } };
  await publish(store, `${net4}-24&${net6}-64`, backend === "vxlan" ? { ...lease, ...data } : lease);
}
