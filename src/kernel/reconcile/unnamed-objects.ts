/**
 * Objects of ours in the kernel that are not desired: there must be none after a pass that left nothing to do. Derived
 * from the definition of ownership, not from the stages that remove objects.
 */
import { ownDevices } from "../objects/link.ts";
import { isOwnRoute } from "../objects/route.ts";
import type { Comparison } from "./stage.ts";

/** As text; compares keys first, which costs least for objects that are desired. */
export function unnamedObjects({ desired, cache, ownership }: Comparison): readonly string[] {
  const unnamed: string[] = [];
  const devices = ownDevices(ownership, desired.links, cache);
  for (const name of devices) if (!desired.links.has(name)) unnamed.push(`link ${name}`);
  cache.routes.forEach((route, key) => {
    if (desired.routes.has(key) || !isOwnRoute(ownership, devices, route)) return;
    unnamed.push(`route ${route.dst} dev ${route.iface}`);
  });
  cache.neighbours.forEach(({ iface, ip, mac, isPermanent }, key) => {
    if (desired.neighbours.has(key) || !isPermanent || mac === null || !devices.has(iface)) return;
    unnamed.push(`neighbour ${ip} dev ${iface}`);
  });
  cache.fdb.forEach(({ iface, mac, remote, isPermanent }, key) => {
    if (desired.fdb.has(key) || !isPermanent || remote === null || !devices.has(iface)) return;
    unnamed.push(`fdb ${mac} dst ${remote} dev ${iface}`);
  });
  return unnamed;
}
