/** IFLA_INFO_DATA of a VXLAN device (IFLA_VXLAN_*, linux/if_link.h). */
import { type Ip, isIpv4 } from "../../net/index.ts";
import type { Attributes } from "./attributes.ts";
import type { BodyWriter } from "./body-writer.ts";

const IFLA_VXLAN = {
  id: 1,
  group: 2,
  link: 3,
  local: 4,
  ttl: 5,
  tos: 6,
  learning: 7,
  proxy: 11,
  rsc: 12,
  l2miss: 13,
  l3miss: 14,
  port: 15,
  group6: 16,
  local6: 17,
  udpZeroCsum6Tx: 19,
  udpZeroCsum6Rx: 20,
  gbp: 23,
} as const;

/** Absent fields are null; a request leaves what is absent at its default or, on a live device, as it is. */
export interface VxlanData {
  readonly vni: number | null;
  readonly group: Ip | null;
  /** Index of the underlay device. */
  readonly parentIndex: number | null;
  readonly local: Ip | null;
  /** 0 inherits the inner packet's. */
  readonly ttl: number | null;
  readonly tos: number | null;
  readonly learning: boolean | null;
  readonly proxy: boolean | null;
  /** Route short circuit. */
  readonly rsc: boolean | null;
  readonly l2miss: boolean | null;
  readonly l3miss: boolean | null;
  readonly udpZeroCsum6Tx: boolean | null;
  readonly udpZeroCsum6Rx: boolean | null;
  /** Group policy extension: an attribute without a value, on or absent. */
  readonly gbp: boolean;
  readonly port: number | null;
}

export const NO_VXLAN_DATA: VxlanData = {
  vni: null,
  group: null,
  parentIndex: null,
  local: null,
  ttl: null,
  tos: null,
  learning: null,
  proxy: null,
  rsc: null,
  l2miss: null,
  l3miss: null,
  udpZeroCsum6Tx: null,
  udpZeroCsum6Rx: null,
  gbp: false,
  port: null,
};

export function readVxlanData(data: Attributes): VxlanData {
  const boolean = (type: number) => {
    const value = data.u8(type);
    return value === null ? null : value !== 0;
  };
  return {
    vni: data.u32(IFLA_VXLAN.id),
    group: data.ip(IFLA_VXLAN.group) ?? data.ip(IFLA_VXLAN.group6),
    parentIndex: data.u32(IFLA_VXLAN.link),
    local: data.ip(IFLA_VXLAN.local) ?? data.ip(IFLA_VXLAN.local6),
    ttl: data.u8(IFLA_VXLAN.ttl),
    tos: data.u8(IFLA_VXLAN.tos),
    learning: boolean(IFLA_VXLAN.learning),
    proxy: boolean(IFLA_VXLAN.proxy),
    rsc: boolean(IFLA_VXLAN.rsc),
    l2miss: boolean(IFLA_VXLAN.l2miss),
    l3miss: boolean(IFLA_VXLAN.l3miss),
    udpZeroCsum6Tx: boolean(IFLA_VXLAN.udpZeroCsum6Tx),
    udpZeroCsum6Rx: boolean(IFLA_VXLAN.udpZeroCsum6Rx),
    gbp: data.has(IFLA_VXLAN.gbp),
    port: data.u16BigEndian(IFLA_VXLAN.port),
  };
}

/** In the order in which flannel sends them. */
export function writeVxlanData(writer: BodyWriter, data: VxlanData): void {
  const ip = (type: number, type6: number, value: Ip | null) => {
    if (value !== null) writer.ip(isIpv4(value) ? type : type6, value);
  };
  const boolean = (type: number, value: boolean | null) =>
    writer.u8(type, value === null ? null : Number(value));

  writer.u32(IFLA_VXLAN.id, data.vni);
  ip(IFLA_VXLAN.group, IFLA_VXLAN.group6, data.group);
  writer.u32(IFLA_VXLAN.link, data.parentIndex);
  ip(IFLA_VXLAN.local, IFLA_VXLAN.local6, data.local);
  writer.u8(IFLA_VXLAN.ttl, data.ttl);
  writer.u8(IFLA_VXLAN.tos, data.tos);
  boolean(IFLA_VXLAN.learning, data.learning);
  boolean(IFLA_VXLAN.proxy, data.proxy);
  boolean(IFLA_VXLAN.rsc, data.rsc);
  boolean(IFLA_VXLAN.l2miss, data.l2miss);
  boolean(IFLA_VXLAN.l3miss, data.l3miss);
  boolean(IFLA_VXLAN.udpZeroCsum6Tx, data.udpZeroCsum6Tx);
  boolean(IFLA_VXLAN.udpZeroCsum6Rx, data.udpZeroCsum6Rx);
  writer.flag(IFLA_VXLAN.gbp, data.gbp);
  writer.u16BigEndian(IFLA_VXLAN.port, data.port);
}
