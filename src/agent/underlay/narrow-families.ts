/** IPv6 runs on no device with an MTU below 1,280 (RFC 8200 section 5): the kernel switches it off there. Pure. */
import type { LocalHost } from "../../../backends/backend.ts";
import type { ActiveBackend } from "../switch-over/active-backend.ts";

const LEAST_IPV6_MTU_BYTES = 1280;

export interface FittedHost {
  readonly host: LocalHost;
  /** Why a family is left out; empty when none is. */
  readonly missingFamilies: readonly string[];
}

/** Leaves IPv6 out where the backend has too little of the interface's MTU left for it, and IPv4 is there to go on. */
export function withoutNarrowFamilies<H extends FittedHost>(found: H, backend: ActiveBackend): H {
  const { host, missingFamilies } = found;
  const { iface, networks, publicIps } = host;
  if (iface.ips.v6 === null || iface.ips.v4 === null) return found;
  const mtuBytes = backend.publish(host).carrierMtuBytes.v6;
  if (mtuBytes >= LEAST_IPV6_MTU_BYTES) return found;
  const reason =
    `IPv6 is left out: the MTU of ${iface.name}, ${iface.mtuBytes}, leaves ${mtuBytes} for it by ${backend.channel}, ` +
    `and IPv6 needs ${LEAST_IPV6_MTU_BYTES}`;
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
