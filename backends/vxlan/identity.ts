import type { MacNeed } from "../identity.ts";
import { type VxlanOptions, vxlanDevices } from "./options.ts";
import type { VtepData } from "./published.ts";

/** Shared by all tunnel devices of this node, whatever the VNI: peers send the frames for a MAC to one node. */
export const VTEP_MAC: MacNeed<VxlanOptions, VtepData> = {
  kind: "mac",
  name: "vtep",
  published: ({ mac }) => mac,
  device: (options, family) => vxlanDevices(options)[family],
};
