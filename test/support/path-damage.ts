/** Damage by other programs of a host to the path to a peer: a removed part, or a part that leads elsewhere. */

import { ROUTE_PROTOCOL } from "../../src/kernel/state.ts";
import { type Ipv4Prefix, type Mac, parseIpv4, parseMac, prefixAddress } from "../../src/net/index.ts";
import type { FakeKernel } from "./fake-kernel.ts";
import { type Carriage, routedPrefix, tunnelDevice } from "./path-of-peer.ts";

const ELSEWHERE = parseIpv4("192.0.2.99");
const UNKNOWN_MAC = parseMac("02:00:00:00:00:99");

export type Damage =
  | "no route"
  | "route by another gateway"
  | "route by another device"
  | "no fdb"
  | "fdb to another node"
  | "no neighbour"
  | "neighbour of another mac"
  | "link down"
  | "no link";

const OF_ROUTES = ["no route", "route by another gateway", "route by another device"] as const;
const OF_LINKS = ["link down", "no link"] as const;
const OF_TUNNELS = ["no fdb", "fdb to another node", "no neighbour", "neighbour of another mac"] as const;

/** The possible damages of each carriage. */
export const DAMAGES: Readonly<Record<Carriage, readonly Damage[]>> = {
  // Both misdirections within the tunnel are here, because each leaves the other of the peer's MAC and address correct.
  vxlan: [...OF_ROUTES, ...OF_LINKS, ...OF_TUNNELS, "fdb to another node", "neighbour of another mac"],
  bare: OF_ROUTES,
  udp: [...OF_ROUTES, ...OF_LINKS],
};

/** @param mac of the peer's end of a tunnel */
export function damage(
  kernel: FakeKernel,
  carriage: Carriage,
  what: Damage,
  peer: { readonly subnet: Ipv4Prefix; readonly mac: Mac | undefined },
): void {
  const device = tunnelDevice(carriage);
  const prefix = routedPrefix(carriage, peer.subnet);
  // A blackhole of the same prefix is another program's.
  const route = kernel.routes.find(({ dst, iface }) => dst === prefix && iface !== null);
  const fdb = kernel.fdb.find(({ iface, mac }) => iface === device && mac === peer.mac);
  const neighbour = kernel.neighbours.find(
    ({ iface, ip }) => iface === device && ip === prefixAddress(peer.subnet),
  );
  switch (what) {
    case "no route":
      if (route?.iface == null) return;
      kernel.execute({
        op: "delete-route",
        route: { ...route, iface: route.iface },
        metric: route.metric,
      });
      return;
    case "route by another gateway":
      if (route !== undefined) kernel.putObservedRoute({ ...route, via: ELSEWHERE });
      return;
    // With our protocol: otherwise it is a foreign route, to which ours yields.
    case "route by another device":
      if (route !== undefined)
        kernel.putObservedRoute({ ...route, iface: "eth1", protocol: ROUTE_PROTOCOL.tweed });
      return;
    case "no fdb":
      if (fdb?.remote != null) kernel.execute({ op: "delete-fdb", entry: { ...fdb, remote: fdb.remote } });
      return;
    case "fdb to another node":
      if (fdb !== undefined) kernel.putObservedFdb({ ...fdb, remote: ELSEWHERE });
      return;
    case "no neighbour":
      if (neighbour?.mac != null)
        kernel.execute({ op: "delete-neighbour", entry: { ...neighbour, mac: neighbour.mac } });
      return;
    case "neighbour of another mac":
      if (neighbour !== undefined) kernel.putObservedNeighbour({ ...neighbour, mac: UNKNOWN_MAC });
      return;
    case "link down":
      kernel.execute({ op: "set-link", name: device, up: false });
      return;
    case "no link":
      kernel.execute({ op: "delete-link", name: device });
  }
}
