/**
 * Where peers' packets come from, read off what the node itself wants of its kernel: the path between two nodes
 * is the same for both, so a peer's packets come the way ours go to it.
 */
import {
  containsPrefix,
  type DualPrefix,
  FAMILIES,
  type Ip,
  type Mac,
  type Prefix,
} from "../../net/index.ts";
import type { KernelState, RouteState, VxlanLink } from "../state.ts";
import type { Arrival, PacketOrigins, VxlanOrigins, VxlanSender } from "./packet-origins.ts";

/** Port of a device that was made without one. */
const KERNEL_VXLAN_PORT = 8472;

export interface OriginsSetting {
  readonly networks: DualPrefix;
  /** The interface on which peers of the same link arrive, or null where every peer has a tunnel. */
  readonly directInterface: string | null;
  /** Ethernet addresses of peers on the link, as far as they are known. */
  linkAddressOf(ip: Ip): Mac | null;
}

export function originsOfState(state: KernelState, setting: OriginsSetting): PacketOrigins {
  const tunnels = state.links.filter((link) => link.kind === "vxlan");
  const routes = state.routes.filter(({ dst }) => isOfNetworks(dst, setting.networks));
  const bare = routes.filter((route) => !state.links.some(({ name }) => name === route.iface));
  return {
    vxlan: vxlanOrigins(state, tunnels, routes),
    direct:
      setting.directInterface === null && bare.length === 0
        ? null
        : {
            peerInterfaces: [
              ...new Set([
                ...(setting.directInterface === null ? [] : [setting.directInterface]),
                ...routes.map(({ iface }) => iface),
                ...state.links.map(({ name }) => name),
              ]),
            ],
            arrivals: routes.flatMap((route) => arrivalsOf(route, bare.includes(route), tunnels, setting)),
          },
  };
}

function vxlanOrigins(
  state: KernelState,
  tunnels: readonly VxlanLink[],
  routes: readonly RouteState[],
): VxlanOrigins | null {
  if (tunnels.length === 0) return null;
  const ends = new Map(state.fdb.map(({ iface, mac, remote }) => [`${iface} ${mac}`, remote]));
  const macs = new Map(state.neighbours.map(({ iface, ip, mac }) => [`${iface} ${ip}`, mac]));
  const senders = routes.flatMap(({ dst, via, iface }): VxlanSender[] => {
    if (via === null) return [];
    const mac = macs.get(`${iface} ${via}`);
    // A peer on this link has its tunnel end at its address there, and may use it where we do not.
    const outer = mac === undefined ? via : ends.get(`${iface} ${mac}`);
    return outer === undefined ? [] : [{ outer, inner: dst }];
  });
  return {
    ports: [...new Set(tunnels.map(({ port }) => port ?? KERNEL_VXLAN_PORT))],
    vnis: [...new Set(tunnels.map(({ vni }) => vni))],
    senders,
  };
}

/** A peer on the link may also arrive through the tunnel, should it not know that we share a link. */
function arrivalsOf(
  { dst, via, iface }: RouteState,
  isBare: boolean,
  tunnels: readonly VxlanLink[],
  { linkAddressOf }: OriginsSetting,
): Arrival[] {
  if (!isBare) return [{ iface, linkAddress: null, source: dst }];
  return [
    { iface, linkAddress: via === null ? null : linkAddressOf(via), source: dst },
    ...tunnels.map(({ name }) => ({ iface: name, linkAddress: null, source: dst })),
  ];
}

function isOfNetworks(prefix: Prefix, networks: DualPrefix): boolean {
  return FAMILIES.some((family) => {
    const network = networks[family];
    return network !== null && containsPrefix(network, prefix);
  });
}
