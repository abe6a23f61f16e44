/** What the kernel holds, as it reports it: the input of interface selection and of every diff. */
import type { Family, Ip, Mac, Prefix } from "../net/index.ts";
import type { LinkSettings } from "./objects/kinds.ts";
import type { BareHop } from "./state.ts";

declare const brand: unique symbol;
export type InterfaceIndex = number & { readonly [brand]: "InterfaceIndex" };

/** No device, or one whose index is not known yet: the kernel counts from 1. */
export const NO_INDEX = 0 as InterfaceIndex;

export interface ObservedState {
  readonly links: readonly ObservedLink[];
  readonly addresses: readonly ObservedAddress[];
  /** FDB entries of VXLAN devices. */
  readonly fdb: readonly ObservedFdb[];
  readonly neighbours: readonly ObservedNeighbour[];
  /** Unicast and refusing routes of the main table. */
  readonly routes: readonly ObservedRoute[];
  /** Rules that may lead packets between pods past the main table; absent for none. */
  readonly rules?: readonly ObservedRule[];
}

/** ip-rule(8) */
export interface ObservedRule {
  readonly family: Family;
  readonly priority: number;
  /** null for one that refuses. */
  readonly table: number | null;
  /** Whose packets, and to where; null for any. */
  readonly source: Prefix | null;
  readonly destination: Prefix | null;
  /** What its table holds; null for one that refuses. */
  readonly routes: readonly PolicyRoute[] | null;
}

export interface PolicyRoute {
  readonly dst: Prefix;
  /** null where it leads to no single interface. */
  readonly iface: string | null;
  /** The rules behind are asked. */
  readonly isThrow: boolean;
}

export interface ObservedLink {
  readonly index: InterfaceIndex;
  readonly name: string;
  /** IFLA_INFO_KIND: "vxlan", "tun", "bridge", "veth"…, and "tap"; null for hardware. */
  readonly kind: string | null;
  readonly mac: Mac | null;
  readonly mtuBytes: number;
  readonly isUp: boolean;
  /** IFF_LOWER_UP: the cable is in. */
  readonly hasCarrier: boolean;
  readonly isLoopback: boolean;
  /** What is particular to its kind; null where the kind is none of `objects/kinds.ts`. */
  readonly settings: LinkSettings | null;
}

export interface ObservedAddress {
  readonly iface: string;
  readonly ip: Ip;
  readonly length: number;
  readonly isLinkLocal: boolean;
  /** No end of life: not from DHCP or a router advertisement. */
  readonly isPermanent: boolean;
  readonly isTemporary: boolean;
  /** IPv4: behind another address of the same prefix on the same interface. */
  readonly isSecondary: boolean;
  readonly isDeprecated: boolean;
  readonly isTentative: boolean;
}

export interface ObservedFdb {
  readonly iface: string;
  readonly mac: Mac;
  readonly remote: Ip | null;
  readonly isPermanent: boolean;
}

export interface ObservedNeighbour {
  readonly iface: string;
  readonly ip: Ip;
  readonly mac: Mac | null;
  readonly isPermanent: boolean;
}

export interface ObservedRoute {
  /** 0.0.0.0/0 or ::/0 for a default route. */
  readonly dst: Prefix;
  readonly via: Ip | null;
  /** null for a blackhole, or another route that refuses, and for a multipath route that is none of ours. */
  readonly iface: string | null;
  readonly onlink: boolean;
  readonly protocol: number;
  /** RTA_PRIORITY; 0 when absent (IPv6 never reports 0: its default is 1024). */
  readonly metric: number;
  readonly mtuBytes: number | null;
  /** RTA_PREFSRC. */
  readonly source: Ip | null;
  /** Present where the next hops are those of a route that has it. */
  readonly alsoFrom?: BareHop;
}
