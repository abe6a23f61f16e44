/** Route messages: RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE (struct rtmsg and RTA_*, linux/rtnetlink.h). */
import {
  type Family,
  familyOf,
  type Ip,
  ipFromBytes,
  type Prefix,
  parseIp,
  prefixAddress,
  prefixFamily,
  prefixLength,
  prefixOf,
} from "../../net/index.ts";
import { type Attributes, readBody } from "./attributes.ts";
import { BodyWriter } from "./body-writer.ts";
import { afOf, requireFamily, requireLength } from "./family.ts";
import { malformed } from "./malformed.ts";
import { type NextHop, readGateway, readNextHops, writeGateway, writeNextHops } from "./next-hop.ts";

export const RTM_ROUTE = { new: 24, delete: 25, get: 26 } as const;

export const RT_TABLE_MAIN = 254;
export const RT_TABLE_LOCAL = 255;
/** rtm_type */
export const RTN = {
  unspec: 0,
  unicast: 1,
  local: 2,
  blackhole: 6,
  unreachable: 7,
  prohibit: 8,
  throw: 9,
} as const;
/** Types of routes that drop packets, with or without an ICMP error. */
export const REFUSING: ReadonlySet<number> = new Set([RTN.blackhole, RTN.unreachable, RTN.prohibit]);
/** rtm_scope; "nowhere" in a deletion means any. */
export const RT_SCOPE = { universe: 0, nowhere: 255 } as const;
/** rtm_flags, which hold RTNH_F_* in the low byte. */
export const ROUTE_FLAG = { onlink: 0x4, cloned: 0x200 } as const;

const RTMSG_BYTES = 12;
const RTA = {
  destination: 1,
  outputIndex: 4,
  priority: 6,
  preferredSource: 7,
  metrics: 8,
  multipath: 9,
  table: 15,
} as const;
/** Of the nest RTA_METRICS. */
const RTAX_MTU = 2;

export interface RouteMessage {
  readonly dst: Prefix;
  readonly table: number;
  readonly protocol: number;
  readonly scope: number;
  readonly type: number;
  readonly flags: number;
  /** May be of the other family. */
  readonly gateway: Ip | null;
  /** Index of the output device. */
  readonly index: number | null;
  /** RTA_PRIORITY: the smaller wins. */
  readonly metric: number | null;
  readonly source: Ip | null;
  readonly mtuBytes: number | null;
  /** null unless the route has several next hops. */
  readonly nextHops: readonly NextHop[] | null;
}

/** @throws TweedError `netlink-malformed` */
export function decodeRoute(body: Uint8Array): RouteMessage {
  const { struct, attributes } = readBody(body, RTMSG_BYTES, "route");
  const family = requireFamily(struct.getUint8(0), "route");
  const multipath = attributes.bytes(RTA.multipath);
  return {
    dst: readDestination(family, struct.getUint8(1), attributes),
    // The table is 8 bits in the struct, 32 in the attribute.
    table: attributes.u32(RTA.table) ?? struct.getUint8(4),
    protocol: struct.getUint8(5),
    scope: struct.getUint8(6),
    type: struct.getUint8(7),
    flags: struct.getUint32(8, true),
    gateway: readGateway(attributes),
    index: attributes.u32(RTA.outputIndex),
    metric: attributes.u32(RTA.priority),
    source: attributes.ip(RTA.preferredSource),
    mtuBytes: attributes.nested(RTA.metrics, "route metrics")?.u32(RTAX_MTU) ?? null,
    nextHops: multipath === null ? null : readNextHops(multipath),
  };
}

export function encodeRoute(route: RouteMessage): Uint8Array {
  const { dst, mtuBytes, nextHops } = route;
  const family = prefixFamily(dst);
  const writer = routeWriter(family, prefixLength(dst), route);
  if (prefixLength(dst) > 0) writer.ip(RTA.destination, prefixAddress(dst));
  // A number beyond the struct's 8 bits goes into an attribute, as in iproute2.
  if (route.table > 255) writer.u32(RTA.table, route.table);
  writeGateway(writer, family, route.gateway);
  writer
    .u32(RTA.outputIndex, route.index)
    .u32(RTA.priority, route.metric)
    .ip(RTA.preferredSource, route.source);
  if (mtuBytes !== null) writer.nest(RTA.metrics, (metrics) => metrics.u32(RTAX_MTU, mtuBytes));
  if (nextHops !== null) writer.nest(RTA.multipath, (hops) => writeNextHops(hops, family, nextHops));
  return writer.finish();
}

/** Requests the route that a packet to `ip` would take. */
export function encodeRouteLookup(ip: Ip): Uint8Array {
  const family = familyOf(ip);
  return routeWriter(family, family === "v4" ? 32 : 128, WILDCARD)
    .ip(RTA.destination, ip)
    .finish();
}

/** Requests a table of a family. A kernel without strict checking ignores the table and lists all. */
export function encodeTableQuery(family: Family, table: number): Uint8Array {
  const writer = routeWriter(family, 0, { ...WILDCARD, table });
  if (table > 255) writer.u32(RTA.table, table);
  return writer.finish();
}

const WILDCARD = { table: 0, protocol: 0, scope: 0, type: 0, flags: 0 };

function routeWriter(
  family: Family,
  length: number,
  rest: Pick<RouteMessage, "table" | "protocol" | "scope" | "type" | "flags">,
): BodyWriter {
  return new BodyWriter(RTMSG_BYTES, (struct) => {
    struct.setUint8(0, afOf(family));
    struct.setUint8(1, length);
    // RT_TABLE_UNSPEC where the table is in the attribute.
    struct.setUint8(4, rest.table > 255 ? 0 : rest.table);
    struct.setUint8(5, rest.protocol);
    struct.setUint8(6, rest.scope);
    struct.setUint8(7, rest.type);
    struct.setUint32(8, rest.flags, true);
  });
}

/** A default route has no RTA_DST. */
function readDestination(family: Family, length: number, attributes: Attributes): Prefix {
  requireLength(family, length, "route");
  const bytes = attributes.bytes(RTA.destination);
  if (bytes === null) {
    if (length > 0) throw malformed("route", `length ${length} without a destination`);
    return prefixOf(parseIp(family === "v4" ? "0.0.0.0" : "::"), 0);
  }
  const wantedBytes = family === "v4" ? 4 : 16;
  if (bytes.length !== wantedBytes) {
    throw malformed("route", `a destination of ${bytes.length} bytes, not ${wantedBytes}`);
  }
  return prefixOf(ipFromBytes(bytes), length);
}
