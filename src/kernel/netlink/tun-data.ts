/** IFLA_INFO_DATA of a TUN or TAP device (IFLA_TUN_*, linux/if_link.h). The kernel only tells it, never takes it. */
import type { Attributes } from "./attributes.ts";
import type { BodyWriter } from "./body-writer.ts";

const IFLA_TUN = { type: 3, persist: 6, multiQueue: 7 } as const;

/** IFF_TUN and IFF_TAP (linux/if_tun.h) */
const TYPE = { tun: 1, tap: 2 } as const;

export interface TunData {
  /** Ethernet frames and not IP packets. */
  readonly isTap: boolean;
  /** Outlives the process that made it. */
  readonly isPersistent: boolean;
  readonly multiQueue: boolean;
}

export function readTunData(data: Attributes): TunData {
  return {
    isTap: data.u8(IFLA_TUN.type) === TYPE.tap,
    isPersistent: data.u8(IFLA_TUN.persist) === 1,
    multiQueue: data.u8(IFLA_TUN.multiQueue) === 1,
  };
}

export function writeTunData(writer: BodyWriter, data: TunData): void {
  writer
    .u8(IFLA_TUN.type, data.isTap ? TYPE.tap : TYPE.tun)
    .u8(IFLA_TUN.persist, Number(data.isPersistent))
    .u8(IFLA_TUN.multiQueue, Number(data.multiQueue));
}
