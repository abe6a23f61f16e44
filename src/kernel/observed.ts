/** The kernel's state as it reports it: the input of interface selection and of every diff. */
import type { Family, Ip, Mac, Prefix } from "../net/index.ts";
import type { LinkSettings } from "./objects/kinds.ts";
import type { BareHop } from "./state.ts";

declare const brand: unique symbol;
export type InterfaceIndex = number & { readonly [brand]: "InterfaceIndex" };

/** No device, or one whose index is unknown: the kernel counts from 1. */
export const NO_INDEX = 0 as InterfaceIndex;

export interface ObservedState {
  readonly links: readonly ObservedLink[];
  readonly addresses: readonly ObservedAddress[];
  /** FDB entries of VXLAN devices. */
  readonly fdb: readonly ObservedFdb[];
  readonly neighbours: readonly ObservedNeighbour[];
  /** Unicast and refusing routes of the main table. */
  readonly routes: readonly ObservedRoute[];
  /** Rules that may divert packets between pods from the main table; absent for none. */
  readonly rules?: readonly ObservedRule[];
}

/** ip-rule(8) */
export interface ObservedRule {
  readonly family: Family;
  readonly priority: number;
  /** null for a rule that refuses. */
  readonly table: number | null;
  /** Selectors; null for any. */
  readonly source: Prefix | null;
  readonly destination: Prefix | null;
  /** The routes of its table; null for a rule that refuses. */
  readonly routes: readonly PolicyRoute[] | null;
}

export interface PolicyRoute {
  readonly dst: Prefix;
  /** null unless it has a single interface. */
  readonly iface: string | null;
  /** The lookup continues with the next rule. */
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
  /** IFF_LOWER_UP */
  readonly hasCarrier: boolean;
  readonly isLoopback: boolean;
  /** Settings of its kind; null for a kind that is not in `objects/kinds.ts`. */
  readonly settings: LinkSettings | null;
}

export interface ObservedAddress {
  readonly iface: string;
  readonly ip: Ip;
  readonly length: number;
  readonly isLinkLocal: boolean;
  /** Without a lifetime: not from DHCP or a router advertisement. */
  readonly isPermanent: boolean;
  readonly isTemporary: boolean;
  /** IPv4: not the first address of its prefix on the interface. */
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
  /** null for a blackhole or another refusing route, and for a multipath route that is not ours. */
  readonly iface: string | null;
  readonly onlink: boolean;
  readonly protocol: number;
  /** RTA_PRIORITY; 0 when absent (IPv6 never reports 0: its default is 1024). */
  readonly metric: number;
  readonly mtuBytes: number | null;
  /** RTA_PREFSRC. */
  readonly source: Ip | null;
  /** Present where the next hops include a bare one in our form. */
  readonly alsoFrom?: BareHop;
}
