/** Puts together what backends need to know of this machine. Pure. */
import type { LocalHost, UnderlayRoute } from "../../backends/backend.ts";
import type { NetworkConfig } from "../config/network-config.ts";
import type { ObservedLink, ObservedRoute } from "../kernel/observed.ts";
import { containsPrefix, type DualStack, FAMILIES, type Mac, type Prefix, randomMac } from "../net/index.ts";
import type { Random } from "../runtime/random.ts";

export function networksOf(config: NetworkConfig): LocalHost["networks"] {
  return { v4: config.v4?.network ?? null, v6: config.v6?.network ?? null };
}

/**
 * The MAC addresses of this node's tunnel devices. What the store still holds comes first, since peers use it
 * already; then that of a device which an earlier daemon, or flannel, left behind; then a new one.
 */
export function chooseMacs(
  published: DualStack<Mac>,
  devices: DualStack<string>,
  links: readonly ObservedLink[],
  random: Random,
): LocalHost["macs"] {
  const existing = (name: string | null) => links.find((link) => link.name === name)?.mac ?? null;
  return {
    v4: published.v4 ?? existing(devices.v4) ?? randomMac(random),
    v6: published.v6 ?? existing(devices.v6) ?? randomMac(random),
  };
}

/** The routes that lead to other hosts: those of the overlay are not among them. */
export function underlayRoutes(
  routes: readonly ObservedRoute[],
  networks: LocalHost["networks"],
): readonly UnderlayRoute[] {
  const isOverlay = (dst: Prefix) =>
    FAMILIES.some((family) => {
      const network = networks[family];
      return network !== null && containsPrefix(network, dst);
    });
  return routes.flatMap(({ dst, via, iface, metric }) =>
    iface === null || isOverlay(dst) ? [] : [{ dst, via, iface, metric }],
  );
}
