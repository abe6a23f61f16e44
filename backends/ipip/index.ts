import { isJsonObject } from "../../src/runtime/json.ts";
import type { Backend } from "../backend.ts";
import { refuseMtu } from "../underlay.ts";
import { IPIP_OVERHEAD_BYTES, type IpipOptions, ipipMtuBytes, parseIpipOptions } from "./options.ts";
import { type IpipData, planIpip } from "./plan.ts";

/** IP in IP (RFC 2003), flannel's object: `flannel.ipip`. IPv4 only. */
export const ipip: Backend<IpipOptions, IpipData, null> = {
  type: "ipip",
  optionKeys: ["DirectRouting"],
  identities: [],
  parseOptions: parseIpipOptions,
  channel: () => "ipip",
  refuseHost: (host) => refuseMtu(host, IPIP_OVERHEAD_BYTES, "v4"),
  publish(host, { directRouting }) {
    const mtuBytes = ipipMtuBytes(host);
    return {
      // flannel publishes nothing, and ignores this.
      data: { v4: directRouting ? { DirectRouting: true } : null, v6: null },
      podMtuBytes: mtuBytes,
      carrierMtuBytes: { v4: mtuBytes, v6: mtuBytes },
    };
  },
  parseData: (json) => ({ routesDirectly: isJsonObject(json) && json.DirectRouting === true }),
  isOnChannel: () => true,
  channelOf: () => "ipip",
  refuse: (_node, { subnets }) => (subnets.v6 === null ? null : "ipip carries IPv4 only"),
  conflictKeys: () => [],
  plan: planIpip,
};
