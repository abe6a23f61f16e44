import { type Backend, NO_DATA, type NoData } from "../backend.ts";
import { IPIP_OVERHEAD_BYTES, type IpipOptions, parseIpipOptions } from "./options.ts";
import { planIpip } from "./plan.ts";

/** IPv4 has to be able to carry 68 bytes (RFC 791). */
const LEAST_MTU_BYTES = 68;

/** IP in IP (RFC 2003), flannel's object: `flannel.ipip`. IPv4 alone; peers publish nothing beside their addresses. */
export const ipip: Backend<IpipOptions, NoData, null> = {
  type: "ipip",
  optionKeys: ["DirectRouting"],
  identities: [],
  parseOptions: parseIpipOptions,
  channel: () => "ipip",
  refuseHost({ iface }) {
    const mtuBytes = iface.mtuBytes - IPIP_OVERHEAD_BYTES;
    if (mtuBytes >= LEAST_MTU_BYTES) return null;
    return `the MTU of ${iface.name}, ${iface.mtuBytes}, leaves ${mtuBytes} bytes; raise it to at least ${LEAST_MTU_BYTES + IPIP_OVERHEAD_BYTES}`;
  },
  publish({ iface }) {
    const mtuBytes = iface.mtuBytes - IPIP_OVERHEAD_BYTES;
    return {
      data: { v4: null, v6: null },
      podMtuBytes: mtuBytes,
      carrierMtuBytes: { v4: mtuBytes, v6: mtuBytes },
    };
  },
  parseData: () => NO_DATA,
  isOnChannel: () => true,
  channelOf: () => "ipip",
  refuse: (_node, { subnets }) => (subnets.v6 === null ? null : "ipip carries IPv4 alone"),
  conflictKeys: () => [],
  plan: planIpip,
};
