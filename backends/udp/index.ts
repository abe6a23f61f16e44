import { type Backend, NO_DATA, type NoData } from "../backend.ts";
import { forwardingOf, type UdpForwarding } from "./forwarding.ts";
import { OUTER_BYTES, parseUdpOptions, type UdpOptions } from "./options.ts";
import { planUdp, refuseLoop, refuseTunMtu, tunMtuBytes } from "./plan.ts";

/** Userspace UDP encapsulation, one plain IP packet in each datagram, port 8285: flannel's `udp`, made fast. */
export const udp: Backend<UdpOptions, NoData, UdpForwarding> = {
  type: "udp",
  optionKeys: ["Port"],
  identities: [],
  parseOptions: parseUdpOptions,
  channel: () => "udp",
  refuseHost: refuseTunMtu,
  publish: (host) => ({
    data: { v4: null, v6: null },
    podMtuBytes: tunMtuBytes(host),
    carrierMtuBytes: {
      v4: host.iface.mtuBytes - OUTER_BYTES.v4,
      v6: host.iface.mtuBytes - OUTER_BYTES.v6,
    },
  }),
  parseData: () => NO_DATA,
  isOnChannel: () => true,
  channelOf: () => "udp",
  refuse: refuseLoop,
  conflictKeys: () => [],
  // Paths to peers are in the forwarding table: the kernel routes the whole network into the device.
  plan: (node, options, { senders }) => planUdp(node, forwardingOf(node, options, senders)),
};
