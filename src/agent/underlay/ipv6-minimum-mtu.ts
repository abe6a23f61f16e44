/** IPv6 runs on no device with an MTU below 1,280 (RFC 8200 section 5): the kernel switches it off there. Pure. */
import type { LocalHost } from "../../../backends/backend.ts";
import type { ActiveBackend } from "../switch-over/active-backend.ts";

const MIN_IPV6_MTU_BYTES = 1280;

export interface HostWithFamilies {
  readonly host: LocalHost;
  /** Why a family is skipped; empty when none is. */
  readonly missingFamilies: readonly string[];
}

/** Skips IPv6 where the backend leaves it less than the minimum of the interface's MTU, and IPv4 is available. */
export function withoutIpv6BelowMinimumMtu<H extends HostWithFamilies>(found: H, backend: ActiveBackend): H {
  const { host, missingFamilies } = found;
  const { iface, networks, publicIps } = host;
  if (iface.ips.v6 === null || iface.ips.v4 === null) return found;
  const mtuBytes = backend.publish(host).carrierMtuBytes.v6;
  if (mtuBytes >= MIN_IPV6_MTU_BYTES) return found;
  const reason =
    `IPv6 is skipped: the MTU of ${iface.name} is ${iface.mtuBytes}, which leaves ${mtuBytes} with ${backend.channel}; ` +
    `IPv6 needs ${MIN_IPV6_MTU_BYTES}`;
  return {
    ...found,
    host: {
      ...host,
      iface: { ...iface, ips: { ...iface.ips, v6: null } },
      publicIps: { ...publicIps, v6: null },
      networks: { ...networks, v6: null },
    },
    missingFamilies: [...missingFamilies, reason],
  };
}
