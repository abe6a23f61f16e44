/** A node's kernel state, read through netlink: cheap enough to read every few milliseconds. */
import { NetworkNamespaces } from "../kernel/libc/network-namespace.ts";
import { LinuxKernel } from "../kernel/linux-kernel.ts";
import type { ObservedState } from "../kernel/observed.ts";
import { silentLog } from "../runtime/log.ts";

/** The kernel of a namespace; its sockets stay there after the thread has left. The caller closes it. */
export async function openKernelOf(namespace: string): Promise<LinuxKernel> {
  const leave = (await NetworkNamespaces.open()).enter(namespace);
  try {
    return await LinuxKernel.open({ log: silentLog });
  } finally {
    leave();
  }
}

/**
 * All objects as sorted text, each with its kind, without volatile state: learned neighbours and FDB entries, interface
 * indexes, and the tentative state of addresses (RFC 4862 section 5.4).
 */
export function stableObjects(state: ObservedState): readonly string[] {
  const nameOf = new Map(state.links.map((link) => [link.index, link.name]));
  const links = state.links.map(({ index: _, settings, ...link }) => {
    if (settings === null || !("parentIndex" in settings)) return { ...link, settings };
    const { parentIndex, ...rest } = settings;
    return { ...link, settings: { ...rest, parent: parentIndex && nameOf.get(parentIndex) } };
  });
  const kinds = {
    link: links,
    address: state.addresses.map(({ isTentative: _, ...address }) => address),
    route: state.routes,
    neighbour: state.neighbours.filter((entry) => entry.isPermanent),
    fdb: state.fdb.filter((entry) => entry.isPermanent),
  };
  return Object.entries(kinds)
    .flatMap(([kind, objects]) => objects.map((object) => `${kind} ${JSON.stringify(object)}`))
    .sort();
}
