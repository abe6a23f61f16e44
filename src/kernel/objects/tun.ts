/**
 * TUN devices (IFLA_TUN_*, linux/if_link.h). They are created through /dev/net/tun; their netlink attributes are
 * read-only.
 */
import type { Attributes } from "../netlink/attributes.ts";
import type { LinkKind } from "./link-kind.ts";

/** A TUN device with several queues, which exists as long as the process that created it. */
export interface TunLink {
  readonly kind: "tun";
  readonly name: string;
  readonly mtuBytes: number;
}

export type TunSettings =
  | { readonly kind: "tun"; readonly isPersistent: boolean; readonly multiQueue: boolean }
  /** TUN and TAP share IFLA_INFO_KIND: a TAP device under the name of a TUN is foreign. */
  | { readonly kind: "tap" };

const IFLA_TUN = { type: 3, persist: 6, multiQueue: 7 } as const;
/** linux/if_tun.h */
const IFF_TAP = 2;
const NOTHING = new Uint8Array(0);

function decode(data: Attributes): TunSettings {
  if (data.u8(IFLA_TUN.type) === IFF_TAP) return { kind: "tap" };
  return {
    kind: "tun",
    isPersistent: data.u8(IFLA_TUN.persist) === 1,
    multiQueue: data.u8(IFLA_TUN.multiQueue) === 1,
  };
}

export const tun: LinkKind<TunLink, TunSettings, never> = {
  kind: "tun",
  names: /flannel0/,
  isEthernet: false,
  parentOf: () => null,
  decode,
  encode: () => NOTHING,
  make: (link, effects) => effects.createTun(link),
  settingsOf: () => ({ kind: "tun", isPersistent: false, multiQueue: true }),
  // A persistent device, as earlier versions left it, would outlive this process.
  isCompatible: (_want, have) => have.kind === "tun" && !have.isPersistent && have.multiQueue,
  changes: () => [],
  encodeChange: () => NOTHING,
  describe: () => "",
  describeChange: () => "",
};
