import type { TunnelSender } from "../../src/kernel/firewall/packet-origins.ts";
import { parseIp, parsePrefix } from "../../src/net/index.ts";

/** `count` dual-stack peers as the packet filter sees them, each with one subnet in each family. */
export function vxlanSenders(count: number): readonly TunnelSender[] {
  return Array.from({ length: count }, (_, index) => [
    {
      outer: parseIp(`172.16.${index >> 8}.${index & 255}`),
      inner: parsePrefix(`10.${64 + (index >> 8)}.${index & 255}.0/24`),
    },
    {
      outer: parseIp(`2001:db8::${(index + 1).toString(16)}`),
      inner: parsePrefix(`fd00:0:0:${(index + 1).toString(16)}::/64`),
    },
  ]).flat();
}
