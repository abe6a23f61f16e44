/** VXLAN devices (IFLA_VXLAN_*, linux/if_link.h; drivers/net/vxlan). */
import { familyOf, type Ip, isIpv4, type Mac } from "../../net/index.ts";
import type { Attributes } from "../netlink/attributes.ts";
import { attributesOf } from "../netlink/body-writer.ts";
import type { InterfaceIndex } from "../observed.ts";
import type { LinkContext, LinkKind } from "./link-kind.ts";

/** A VXLAN device without a multicast group: every remote end is an FDB entry. */
export interface VxlanLink {
  readonly kind: "vxlan";
  readonly name: string;
  readonly mac: Mac;
  readonly mtuBytes: number;
  readonly vni: number;
  /** Name of the underlay device. */
  readonly parent: string;
  /** Outer source address: the underlay interface's, not the published one. */
  readonly local: Ip;
  /** UDP port, or null for the kernel's default, 8472. */
  readonly port: number | null;
  readonly learning: boolean;
  readonly gbp: boolean;
}

export interface VxlanSettings {
  readonly kind: "vxlan";
  readonly vni: number;
  readonly parentIndex: InterfaceIndex | null;
  readonly local: Ip | null;
  /** Multicast group or default remote; devices of ours have none. */
  readonly group: Ip | null;
  readonly port: number;
  readonly learning: boolean;
  readonly gbp: boolean;
  readonly l2miss: boolean;
}

export interface VxlanChange {
  readonly kind: "vxlan";
  readonly learning?: boolean;
  /** Must be of the family of the device's current address (vxlan_changelink). */
  readonly local?: Ip;
}

/** UDP port of a device that was created without one (vxlan_port). */
export const KERNEL_VXLAN_PORT = 8472;

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

function decode(data: Attributes): VxlanSettings {
  const parentIndex = data.u32(IFLA_VXLAN.link) ?? 0;
  return {
    kind: "vxlan",
    vni: data.u32(IFLA_VXLAN.id) ?? 0,
    parentIndex: parentIndex === 0 ? null : (parentIndex as InterfaceIndex),
    local: data.ip(IFLA_VXLAN.local) ?? data.ip(IFLA_VXLAN.local6),
    group: data.ip(IFLA_VXLAN.group) ?? data.ip(IFLA_VXLAN.group6),
    port: data.u16BigEndian(IFLA_VXLAN.port) ?? 0,
    learning: isOn(data, IFLA_VXLAN.learning),
    gbp: data.has(IFLA_VXLAN.gbp),
    l2miss: isOn(data, IFLA_VXLAN.l2miss),
  };
}

function isOn(data: Attributes, type: number): boolean {
  return (data.u8(type) ?? 0) !== 0;
}

/**
 * What flannel sends, in its order: everything off but learning and the group policy extension, no multicast
 * group.
 */
function encode(link: VxlanLink, parentIndex: InterfaceIndex): Uint8Array {
  return attributesOf((data) =>
    data
      .u32(IFLA_VXLAN.id, link.vni)
      .u32(IFLA_VXLAN.link, parentIndex)
      .ip(localAttribute(link.local), link.local)
      .u8(IFLA_VXLAN.ttl, 0)
      .u8(IFLA_VXLAN.tos, 0)
      .u8(IFLA_VXLAN.learning, Number(link.learning))
      .u8(IFLA_VXLAN.proxy, 0)
      .u8(IFLA_VXLAN.rsc, 0)
      .u8(IFLA_VXLAN.l2miss, 0)
      .u8(IFLA_VXLAN.l3miss, 0)
      .u8(IFLA_VXLAN.udpZeroCsum6Tx, 0)
      .u8(IFLA_VXLAN.udpZeroCsum6Rx, 0)
      .flag(IFLA_VXLAN.gbp, link.gbp)
      .u16BigEndian(IFLA_VXLAN.port, link.port),
  );
}

function localAttribute(local: Ip): number {
  return isIpv4(local) ? IFLA_VXLAN.local : IFLA_VXLAN.local6;
}

function encodeChange({ learning, local }: VxlanChange): Uint8Array {
  return attributesOf((data) => {
    if (local !== undefined) data.ip(localAttribute(local), local);
    if (learning !== undefined) data.u8(IFLA_VXLAN.learning, Number(learning));
  });
}

function isCompatible(want: VxlanLink, have: VxlanSettings, { links, fixedLocal }: LinkContext): boolean {
  const parent = links.get(want.parent);
  const isOtherParent =
    parent !== undefined && have.parentIndex !== null && parent.index !== have.parentIndex;
  const needsOtherLocal =
    have.local !== null &&
    have.local !== want.local &&
    (familyOf(have.local) !== familyOf(want.local) || fixedLocal.has(want.name));
  return (
    have.vni === want.vni &&
    have.port === (want.port ?? KERNEL_VXLAN_PORT) &&
    have.gbp === want.gbp &&
    have.group === null &&
    !have.l2miss &&
    !isOtherParent &&
    !needsOtherLocal
  );
}

function changes({ learning, local }: VxlanLink, have: VxlanSettings): readonly VxlanChange[] {
  const found: VxlanChange[] = [];
  if (have.learning !== learning) found.push({ kind: "vxlan", learning });
  if (have.local !== local) found.push({ kind: "vxlan", local });
  return found;
}

export const vxlan: LinkKind<VxlanLink, VxlanSettings, VxlanChange> = {
  kind: "vxlan",
  names: /flannel\.\d+|flannel-v6\.\d+/,
  isEthernet: true,
  parentOf: ({ parent }) => parent,
  decode,
  encode,
  settingsOf: ({ vni, local, port, learning, gbp }, parentIndex) => ({
    ...{ kind: "vxlan", vni, parentIndex, local, group: null },
    ...{ port: port ?? KERNEL_VXLAN_PORT, learning, gbp, l2miss: false },
  }),
  isCompatible,
  changes,
  encodeChange,
  describe: ({ vni, parent, local }) => `id ${vni} dev ${parent} local ${local}`,
  describeChange: ({ learning, local }) => {
    const words: string[] = [];
    if (learning !== undefined) words.push(learning ? "learning" : "nolearning");
    if (local !== undefined) words.push(`local ${local}`);
    return words.join(" ");
  },
};
