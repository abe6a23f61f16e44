import type { Backend } from "../backend.ts";
import { parseVxlanOptions, podMtuBytes, type VxlanOptions, vxlanDevices } from "./options.ts";
import { planVxlan } from "./plan.ts";
import { publishedVni, refuseVtep, vtepData, vtepMacs } from "./published.ts";

/** Kernel VXLAN (RFC 7348), flannel's objects: `flannel.<VNI>` and `flannel-v6.<VNI>`, UDP port 8472. */
export const vxlan: Backend<VxlanOptions> = {
  type: "vxlan",
  parse: parseVxlanOptions,
  channel: (options) => `vxlan ${options.vni}`,
  isOnChannel: (options, data) => [data.v4, data.v6].some((each) => publishedVni(each) === options.vni),
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
  refuse: refuseVtep,
  plan: planVxlan,
};
