/**
 * From messages to what {@link ObservedState} holds. What it does not hold becomes null, in dumps and in
 * notifications alike, so that whoever follows the notifications sees the same world as whoever dumps:
 *
 * - links: all, but not what a bridge says of its ports;
 * - addresses: all of known devices;
 * - routes: unicast and blackhole of the main table, without cached ones (so no local, broadcast, multicast);
 * - neighbours and forwarding entries: those of VXLAN devices, whatever their state but "needs no resolution";
 *   of forwarding entries only the device's own, not those of a bridge that it is a port of.
 */
import { type Ip, type Ipv6, ipv4Bits, ipv6Bits, isIpv4 } from "../../net/index.ts";
import type {
  InterfaceIndex,
  ObservedAddress,
  ObservedFdb,
  ObservedLink,
  ObservedNeighbour,
  ObservedRoute,
  ObservedVxlan,
} from "../observed.ts";
import { type AddressMessage, IFA_F } from "./address.ts";
import { AF } from "./family.ts";
import { IFF, type LinkMessage } from "./link.ts";
import type { LinkTable } from "./link-table.ts";
import { type NeighbourMessage, NTF_SELF, NUD } from "./neighbour.ts";
import { ROUTE_FLAG, type RouteMessage, RT_TABLE_MAIN, RTN } from "./route.ts";
import { readTwoWays, type TwoWays } from "./two-ways.ts";
import type { VxlanData } from "./vxlan-data.ts";

export function observeLink(link: LinkMessage): ObservedLink | null {
  if (link.af !== AF.unspec || link.name === null) return null;
  const { tun, vxlan } = link;
  return {
    index: link.index as InterfaceIndex,
    name: link.name,
    // TUN and TAP share a kind but not a purpose: a TAP device in the place of a TUN is a foreign thing.
    kind: tun?.isTap === true ? "tap" : link.kind,
    mac: link.mac,
    mtuBytes: link.mtuBytes ?? 0,
    isUp: (link.flags & IFF.up) !== 0,
    hasCarrier: (link.flags & IFF.lowerUp) !== 0,
    isLoopback: (link.flags & IFF.loopback) !== 0,
    vxlan: vxlan === null ? null : observeVxlan(vxlan),
    tun: tun === null || tun.isTap ? null : { isPersistent: tun.isPersistent, multiQueue: tun.multiQueue },
  };
}

function observeVxlan(vxlan: VxlanData): ObservedVxlan {
  return {
    vni: vxlan.vni ?? 0,
    parentIndex:
      vxlan.parentIndex === null || vxlan.parentIndex === 0 ? null : (vxlan.parentIndex as InterfaceIndex),
    local: vxlan.local,
    group: vxlan.group,
    port: vxlan.port ?? 0,
    learning: vxlan.learning ?? false,
    gbp: vxlan.gbp,
    l2miss: vxlan.l2miss ?? false,
  };
}

export function observeAddress(address: AddressMessage, links: LinkTable): ObservedAddress | null {
  const iface = links.nameOf(address.index);
  if (iface === null) return null;
  const has = (flag: number) => (address.flags & flag) !== 0;
  return {
    iface,
    ip: address.ip,
    length: address.length,
    isLinkLocal: isLinkLocal(address.ip),
    isPermanent: has(IFA_F.permanent),
    // In IPv4 the same bit says "secondary".
    isTemporary: address.family === "v6" && has(IFA_F.temporary),
    isSecondary: address.family === "v4" && has(IFA_F.temporary),
    isDeprecated: has(IFA_F.deprecated),
    isTentative: has(IFA_F.tentative),
  };
}

/** 169.254.0.0/16 (RFC 3927) and fe80::/10 (RFC 4291). */
function isLinkLocal(ip: Ip): boolean {
  return isIpv4(ip) ? ipv4Bits(ip) >>> 16 === 0xa9fe : ipv6Bits(ip as Ipv6) >> 118n === 0x3fan;
}

/** Packets go nowhere, with or without a word to who sent them. */
const REFUSING: ReadonlySet<number> = new Set([RTN.blackhole, RTN.unreachable, RTN.prohibit]);

export function observeRoute(route: RouteMessage, links: LinkTable): ObservedRoute | null {
  const isWanted =
    route.table === RT_TABLE_MAIN &&
    (route.type === RTN.unicast || REFUSING.has(route.type)) &&
    (route.flags & ROUTE_FLAG.cloned) === 0;
  if (!isWanted) return null;
  const ways = waysOf(route);
  const way = route.type === RTN.unicast ? (ways?.own ?? null) : null;
  const iface = way === null || way.index === null ? null : links.nameOf(way.index);
  // A device that came after the dump of links: its own notification is on the way.
  if (way !== null && iface === null) return null;
  return {
    dst: route.dst,
    via: way?.gateway ?? null,
    iface,
    onlink: way !== null && (way.flags & ROUTE_FLAG.onlink) !== 0,
    protocol: route.protocol,
    metric: route.metric ?? 0,
    mtuBytes: route.mtuBytes,
    source: route.source,
    ...alsoFrom(ways?.bare ?? null, links),
  };
}

type BareHop = TwoWays["bare"];
type Way = Pick<RouteMessage, "index" | "gateway" | "flags">;

/** null for several ways that are none of ours. */
function waysOf(route: RouteMessage): { readonly own: Way; readonly bare: BareHop | null } | null {
  return route.nextHops === null ? { own: route, bare: null } : readTwoWays(route.nextHops);
}

function alsoFrom(bare: BareHop | null, links: LinkTable): Pick<ObservedRoute, "alsoFrom"> {
  const iface = bare === null ? null : links.nameOf(bare.index);
  return bare?.gateway == null || iface === null ? {} : { alsoFrom: { via: bare.gateway, iface } };
}

export function observeFdb(entry: NeighbourMessage, links: LinkTable): ObservedFdb | null {
  const iface = links.nameOf(entry.index);
  const isOwn = entry.af === AF.bridge && links.isVxlan(entry.index) && (entry.flags & NTF_SELF) !== 0;
  if (!isOwn || iface === null || entry.mac === null) return null;
  return { iface, mac: entry.mac, remote: entry.ip, isPermanent: isPermanent(entry) };
}

export function observeNeighbour(entry: NeighbourMessage, links: LinkTable): ObservedNeighbour | null {
  const iface = links.nameOf(entry.index);
  const isIp = entry.af === AF.inet || entry.af === AF.inet6;
  if (!isIp || !links.isVxlan(entry.index) || iface === null || entry.ip === null) return null;
  if ((entry.state & NUD.noArp) !== 0) return null;
  return { iface, ip: entry.ip, mac: entry.mac, isPermanent: isPermanent(entry) };
}

function isPermanent(entry: NeighbourMessage): boolean {
  return (entry.state & NUD.permanent) !== 0;
}
