/**
 * Where peers' packets may come from. Every peer counts on every channel that this node receives on, whichever it
 * is expected to use: while a cluster changes its backend the two ends turn at slightly different times, and what
 * binds an address to a subnet is the same throughout.
 */
import { type DualIp, type DualPrefix, FAMILIES } from "../../net/index.ts";
import type { LinkState } from "../state.ts";
import type { PacketOrigins, VxlanOrigins, VxlanSender } from "./packet-origins.ts";

/** Port of a device that was made without one. */
const KERNEL_VXLAN_PORT = 8472;

export interface KnownPeer {
  readonly subnets: DualPrefix;
  readonly publicIps: DualIp;
}

/**
 * @param links the devices of the overlay
 * @param bareInterface where peers' packets may arrive without a tunnel, or null where each has one
 */
export function originsOfPeers(
  links: readonly LinkState[],
  peers: readonly KnownPeer[],
  bareInterface: string | null,
): PacketOrigins {
  return { vxlan: vxlanOrigins(links, peers), direct: directOrigins(links, peers, bareInterface) };
}

function vxlanOrigins(links: readonly LinkState[], peers: readonly KnownPeer[]): VxlanOrigins | null {
  const tunnels = links.filter((link) => link.kind === "vxlan");
  if (tunnels.length === 0) return null;
  const senders = peers.flatMap(({ subnets, publicIps }) =>
    FAMILIES.flatMap((family): VxlanSender[] => {
      const inner = subnets[family];
      const outer = publicIps[family];
      return inner === null || outer === null ? [] : [{ outer, inner }];
    }),
  );
  return {
    ports: [...new Set(tunnels.map(({ port }) => port ?? KERNEL_VXLAN_PORT))],
    vnis: [...new Set(tunnels.map(({ vni }) => vni))],
    senders,
  };
}

/** A peer on the link may also arrive through a tunnel, should it not know that we share a link. */
function directOrigins(
  links: readonly LinkState[],
  peers: readonly KnownPeer[],
  bareInterface: string | null,
): PacketOrigins["direct"] {
  if (bareInterface === null) return null;
  const peerInterfaces = [bareInterface, ...links.map(({ name }) => name)];
  const sources = peers.flatMap(({ subnets }) => FAMILIES.flatMap((family) => subnets[family] ?? []));
  return { peerInterfaces, sources };
}
