import type { Family } from "../../src/net/index.ts";
import type { LocalHost } from "../backend.ts";
import { MIN_MTU_BYTES } from "../underlay.ts";
import { OVERHEAD_BYTES, type VxlanOptions } from "./options.ts";

/**
 * MTU of pods, for both families, as in flannel. The IPv6 device takes 20 bytes less, which pods learn from the
 * kernel's "packet too big".
 */
export function podMtuBytes(options: VxlanOptions, underlayMtuBytes: number): number {
  return Math.min(options.mtuBytes ?? underlayMtuBytes, underlayMtuBytes) - OVERHEAD_BYTES.v4;
}

export function deviceMtuBytes(options: VxlanOptions, underlayMtuBytes: number, family: Family): number {
  return Math.min(podMtuBytes(options, underlayMtuBytes), underlayMtuBytes - OVERHEAD_BYTES[family]);
}

/** Refuses an MTU that leaves less than the minimum of IPv4. */
export function refuseMtu({ iface }: LocalHost, options: VxlanOptions): string | null {
  const mtuBytes = podMtuBytes(options, iface.mtuBytes);
  if (mtuBytes >= MIN_MTU_BYTES.v4) return null;
  return `the MTU of ${iface.name}, ${iface.mtuBytes}, leaves ${mtuBytes} bytes; raise it or set Backend.MTU`;
}
