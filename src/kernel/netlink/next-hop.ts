/** Next hops of a route: its gateway attribute, and RTA_MULTIPATH for several (linux/rtnetlink.h). */
import { type Family, familyOf, type Ip, ipFromBytes, ipToBytes } from "../../net/index.ts";
import { Attributes } from "./attributes.ts";
import { BodyWriter } from "./body-writer.ts";
import { afOf, requireFamily } from "./family.ts";
import { malformed } from "./malformed.ts";
import { align } from "./message.ts";

const RTA = { gateway: 5, via: 18 } as const;
/** struct rtnexthop: u16 length, u8 flags, u8 weight - 1, i32 ifindex; attributes follow. */
const RTNEXTHOP_BYTES = 8;
/** struct rtvia: u16 family, address. */
const RTVIA_HEADER_BYTES = 2;

export interface NextHop {
  readonly index: number;
  /** RTNH_F_* */
  readonly flags: number;
  readonly weight: number;
  readonly gateway: Ip | null;
}

/** The gateway; RTA_VIA holds one of the other family (RFC 5549: IPv4 via IPv6). */
export function readGateway(attributes: Attributes): Ip | null {
  const gateway = attributes.ip(RTA.gateway);
  if (gateway !== null) return gateway;
  const via = attributes.bytes(RTA.via);
  if (via === null) return null;
  const family = via.length < RTVIA_HEADER_BYTES ? 0 : (via[0] as number) | ((via[1] as number) << 8);
  const ip = via.subarray(RTVIA_HEADER_BYTES);
  const wantedBytes = requireFamily(family, "route gateway") === "v4" ? 4 : 16;
  if (ip.length !== wantedBytes) throw malformed("route gateway", `${ip.length} bytes, not ${wantedBytes}`);
  return ipFromBytes(ip);
}

/** @param family the route's */
export function writeGateway(writer: BodyWriter, family: Family, gateway: Ip | null): void {
  if (gateway === null) return;
  const gatewayFamily = familyOf(gateway);
  if (gatewayFamily === family) writer.ip(RTA.gateway, gateway);
  else writer.bytes(RTA.via, Uint8Array.of(afOf(gatewayFamily), 0, ...ipToBytes(gateway)));
}

/** @throws TweedError `netlink-malformed` */
export function readNextHops(bytes: Uint8Array): NextHop[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const hops: NextHop[] = [];
  for (let offset = 0; offset < bytes.length; ) {
    const left = bytes.length - offset;
    const length = left < RTNEXTHOP_BYTES ? 0 : view.getUint16(offset, true);
    if (length < RTNEXTHOP_BYTES || length > left) {
      throw malformed("next hops", `a next hop of ${length} bytes with ${left} left`);
    }
    hops.push({
      flags: view.getUint8(offset + 2),
      weight: view.getUint8(offset + 3) + 1,
      index: view.getInt32(offset + 4, true),
      gateway: readGateway(
        new Attributes(bytes.subarray(offset + RTNEXTHOP_BYTES, offset + length), "next hop"),
      ),
    });
    offset += align(length);
  }
  return hops;
}

export function writeNextHops(writer: BodyWriter, family: Family, hops: readonly NextHop[]): void {
  for (const hop of hops) {
    const body = new BodyWriter(RTNEXTHOP_BYTES, (struct) => {
      struct.setUint8(2, hop.flags);
      struct.setUint8(3, hop.weight - 1);
      struct.setInt32(4, hop.index, true);
    });
    writeGateway(body, family, hop.gateway);
    const bytes = body.finish();
    new DataView(bytes.buffer, bytes.byteOffset).setUint16(0, bytes.length, true);
    writer.raw(bytes);
  }
}
