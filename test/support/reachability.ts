import { type Prefix, prefixAddress } from "../../src/net/index.ts";
import type { FakeKernel } from "./fake-kernel.ts";

/** True when packets to the prefix find a complete path: route, device up, and for a tunnel neighbour and FDB entry. */
export function isReachable(kernel: FakeKernel, dst: Prefix): boolean {
  const route = kernel.bestRoute(prefixAddress(dst));
  if (route === null || route.iface === null) return false;
  const link = kernel.links.get(route.iface);
  if (link?.isUp !== true) return false;
  if (link.kind !== "vxlan") return true;
  const neighbour = kernel.neighbours.find(({ iface, ip }) => iface === route.iface && ip === route.via);
  if (neighbour === undefined || neighbour.mac === null) return false;
  return kernel.fdb.some(
    ({ iface, mac, remote }) => iface === route.iface && mac === neighbour.mac && remote !== null,
  );
}
