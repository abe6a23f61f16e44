import type { Family } from "../../src/net/index.ts";
import { Fields } from "../../src/runtime/fields.ts";
import type { JsonObject } from "../../src/runtime/json.ts";
import { MIN_MTU_BYTES } from "../underlay.ts";

export interface VxlanOptions {
  readonly vni: number;
  /** UDP port, or null for the kernel's default, 8472 (not IANA's 4789). */
  readonly port: number | null;
  /** MTU of the underlay, or null for that of its interface. */
  readonly mtuBytes: number | null;
  readonly gbp: boolean;
  readonly learning: boolean;
  /** Peers on the same link get direct routes, without encapsulation; if one end enables it, both do so. */
  readonly directRouting: boolean;
}

/** A VNI has 24 bits, but its digits must fit a device name: 15 bytes (IFNAMSIZ, linux/if.h). */
const MAX_VNI: Record<Family, number> = { v4: 9_999_999, v6: 9_999 };

/**
 * Ethernet 14, IP 20 or 40, UDP 8, VXLAN 8. The kernel limits a device's MTU to its parent's less this
 * (vxlan_change_mtu in drivers/net/vxlan).
 */
export const OVERHEAD_BYTES: Record<Family, number> = { v4: 50, v6: 70 };

export function parseVxlanOptions(raw: JsonObject, families: readonly Family[]): VxlanOptions {
  const fields = new Fields(raw, "Backend");
  const maxVni = families.includes("v6") ? MAX_VNI.v6 : MAX_VNI.v4;
  const minMtu = MIN_MTU_BYTES[families.includes("v6") ? "v6" : "v4"] + OVERHEAD_BYTES.v4;
  const mtuBytes = fields.integer("MTU", 0, 0, 65_535);
  if (mtuBytes !== 0 && mtuBytes < minMtu)
    fields.refuse("MTU", `0 for the interface's, or at least ${minMtu}`);
  return {
    vni: fields.integer("VNI", 1, 0, maxVni),
    port: fields.integer("Port", 0, 0, 65_535) || null,
    mtuBytes: mtuBytes || null,
    gbp: fields.boolean("GBP", false),
    learning: fields.boolean("Learning", false),
    directRouting: fields.boolean("DirectRouting", false),
  };
}

export function vxlanDevices(options: VxlanOptions): Record<Family, string> {
  return { v4: `flannel.${options.vni}`, v6: `flannel-v6.${options.vni}` };
}
