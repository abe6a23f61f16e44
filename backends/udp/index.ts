import type { Backend } from "../backend.ts";
import { forwardingOf } from "./forwarding.ts";
import { OUTER_BYTES, parseUdpOptions, type UdpOptions } from "./options.ts";
import { planUdp, refuseLoop, tunMtuBytes } from "./plan.ts";

/** Userspace UDP encapsulation, one bare IP packet to a datagram, port 8285: flannel's `udp`, made fast. */
export const udp: Backend<UdpOptions> = {
  type: "udp",
  optionKeys: ["Port"],
  parse: parseUdpOptions,
  channel: () => "udp",
  isOnChannel: () => true,
  publishedChannel: () => "udp",
  arrivesBare: () => false,
  devices: () => ({ v4: null, v6: null }),
  publishedMacs: () => ({ v4: null, v6: null }),
  endpoint: (host) => ({ data: { v4: null, v6: null }, mtuBytes: tunMtuBytes(host) }),
  carrierMtuBytes: (host, _options, family) => host.iface.mtuBytes - OUTER_BYTES[family],
  conflictKeys: () => [],
  refuse: refuseLoop,
  plan: (node) => planUdp(node),
  effect: forwardingOf,
};
