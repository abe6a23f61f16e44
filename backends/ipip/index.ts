import { type Backend, NO_DATA, type NoData } from "../backend.ts";
import { refuseMtu } from "../underlay.ts";
import { IPIP_OVERHEAD_BYTES, type IpipOptions, ipipMtuBytes, parseIpipOptions } from "./options.ts";
import { planIpip } from "./plan.ts";

/** IP in IP (RFC 2003), flannel's object: `flannel.ipip`. IPv4 only; peers publish nothing beside their addresses. */
export const ipip: Backend<IpipOptions, NoData, null> = {
  type: "ipip",
  optionKeys: ["DirectRouting"],
  identities: [],
  parseOptions: parseIpipOptions,
  channel: () => "ipip",
  refuseHost: (host) => refuseMtu(host, IPIP_OVERHEAD_BYTES, "v4"),
  publish(host) {
    const mtuBytes = ipipMtuBytes(host);
    return {
      data: { v4: null, v6: null },
      podMtuBytes: mtuBytes,
      carrierMtuBytes: { v4: mtuBytes, v6: mtuBytes },
    };
  },
  parseData: () => NO_DATA,
  isOnChannel: () => true,
  channelOf: () => "ipip",
  refuse: (_node, { subnets }) => (subnets.v6 === null ? null : "ipip carries IPv4 only"),
  conflictKeys: () => [],
  plan: planIpip,
};
