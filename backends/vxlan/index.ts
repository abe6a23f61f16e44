import type { Backend } from "../backend.ts";
import { VTEP_MAC } from "./identity.ts";
import { refuseMtu } from "./mtu.ts";
import { parseVxlanOptions, type VxlanOptions } from "./options.ts";
import { planVxlan } from "./plan.ts";
import { parseVtepData, publishVtep, type VtepData } from "./published.ts";

/** Kernel VXLAN (RFC 7348), flannel's objects: `flannel.<VNI>` and `flannel-v6.<VNI>`, UDP port 8472. */
export const vxlan: Backend<VxlanOptions, VtepData, null> = {
  type: "vxlan",
  optionKeys: ["VNI", "Port", "MTU", "GBP", "Learning", "DirectRouting"],
  identities: [VTEP_MAC],
  parseOptions: parseVxlanOptions,
  channel: (options) => `vxlan ${options.vni}`,
  refuseHost: refuseMtu,
  publish: publishVtep,
  parseData: parseVtepData,
  // Writers other than flannel omit the VNI and mean the network's; flannel ignores a peer's.
  isOnChannel: ({ vni }, options) => vni === options.vni || vni === "unnamed",
  channelOf: ({ vni }) => `vxlan ${typeof vni === "number" ? vni : "with no VNI"}`,
  refuse: () => null,
  // Frames for a MAC go to one remote end: a second node with the same MAC would receive them, whatever its VNI.
  conflictKeys: ({ mac }) => [{ code: "duplicate-mac", value: mac }],
  plan: planVxlan,
};
