import type { Backend } from "../backend.ts";
import {
  deviceMtuBytes,
  parseVxlanOptions,
  podMtuBytes,
  type VxlanOptions,
  vxlanDevices,
} from "./options.ts";
import { planVxlan } from "./plan.ts";
import { isForVni, publishedVni, refuseVtep, vtepConflictKeys, vtepData, vtepMacs } from "./published.ts";

/** Kernel VXLAN (RFC 7348), flannel's objects: `flannel.<VNI>` and `flannel-v6.<VNI>`, UDP port 8472. */
export const vxlan: Backend<VxlanOptions> = {
  type: "vxlan",
  optionKeys: ["VNI", "Port", "MTU", "GBP", "Learning", "DirectRouting"],
  parse: parseVxlanOptions,
  channel: (options) => `vxlan ${options.vni}`,
  isOnChannel: ({ vni }, data) => [data.v4, data.v6].some((each) => isForVni(each, vni)),
  publishedChannel: ({ v4, v6 }) => `vxlan ${publishedVni(v4) ?? publishedVni(v6) ?? "with no VNI"}`,
  arrivesBare: (options) => options.directRouting,
  devices: vxlanDevices,
  publishedMacs: vtepMacs,
  endpoint(host, options) {
    const { v4, v6 } = host.publicIps;
    return {
      data: {
        v4: v4 === null ? null : vtepData(options.vni, host.macs.v4, options.directRouting),
        v6: v6 === null ? null : vtepData(options.vni, host.macs.v6, options.directRouting),
      },
      mtuBytes: podMtuBytes(options, host.iface.mtuBytes),
    };
  },
  carrierMtuBytes: (host, options, family) => deviceMtuBytes(options, host.iface.mtuBytes, family),
  conflictKeys: vtepConflictKeys,
  refuse: (_node, { data }) => refuseVtep(data.v4 ?? data.v6),
  plan: planVxlan,
};
