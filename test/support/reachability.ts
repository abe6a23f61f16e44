import { type Prefix, prefixAddress, prefixLength } from "../../src/net/index.ts";
import type { FakeKernel } from "./fake-kernel.ts";

/** True when packets to the prefix have a complete path: route, device up, and for a tunnel neighbour and FDB entry. */
export function isReachable(kernel: FakeKernel, dst: Prefix): boolean {
  const address = prefixAddress(dst);
  const route = kernel.bestRoute(address);
  if (route === null || route.iface === null) return false;
  const link = kernel.links.get(route.iface);
  if (link?.isUp !== true) return false;
  if (link.kind !== "vxlan") return true;
  // A host route to a gateway has no gateway itself, but leads there.
  const gateway = route.via ?? (prefixLength(route.dst) === 128 ? address : null);
  const neighbour = kernel.neighbours.find(({ iface, ip }) => iface === route.iface && ip === gateway);
  if (neighbour === undefined || neighbour.mac === null) return false;
  return kernel.fdb.some(
    ({ iface, mac, remote }) => iface === route.iface && mac === neighbour.mac && remote !== null,
  );
}
