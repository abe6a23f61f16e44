import type { Family } from "../../src/net/index.ts";
import { Fields } from "../../src/runtime/fields.ts";
import type { JsonObject } from "../../src/runtime/json.ts";
import type { LocalHost } from "../backend.ts";

export interface IpipOptions {
  /** Peers on the same link get direct routes, without encapsulation. */
  readonly directRouting: boolean;
}

export const IPIP_DEVICE = "flannel.ipip";

/** The outer IPv4 header. */
export const IPIP_OVERHEAD_BYTES = 20;

/** MTU of the device and of pods. */
export function ipipMtuBytes({ iface }: Pick<LocalHost, "iface">): number {
  return iface.mtuBytes - IPIP_OVERHEAD_BYTES;
}

/** @throws TweedError `invalid-config`, also for a network with IPv6, which ipip does not carry */
export function parseIpipOptions(raw: JsonObject, families: readonly Family[]): IpipOptions {
  const fields = new Fields(raw, "Backend");
  if (families.includes("v6"))
    fields.refuse("Type", '"vxlan", "host-gw" or "udp" where EnableIPv6 is true, as ipip carries IPv4 only');
  return { directRouting: fields.boolean("DirectRouting", false) };
}
