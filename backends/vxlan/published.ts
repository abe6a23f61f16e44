/**
 * BackendData of a VXLAN lease: `{"VNI":1,"VtepMAC":"0e:52:a1:00:00:07"}`, one for each family. A node with direct
 * routing adds a field of Tweed's own, `"DirectRouting":true`, which flannel ignores.
 */
import { type Family, isUnicastMac, type Mac, tryParseMac } from "../../src/net/index.ts";
import { isJsonObject, type JsonValue } from "../../src/runtime/json.ts";
import type { LocalHost, Published } from "../backend.ts";
import { macsOf } from "../identity.ts";
import { VTEP_MAC } from "./identity.ts";
import { deviceMtuBytes, podMtuBytes } from "./mtu.ts";
import type { VxlanOptions } from "./options.ts";

/** A peer's data, parsed. */
export interface VtepData {
  readonly mac: Mac;
  /** "unnamed" where it was omitted, "unusable" where it is not a number. */
  readonly vni: number | "unnamed" | "unusable";
  readonly routesDirectly: boolean;
}

export function publishVtep({ iface, publicIps, identities }: LocalHost, options: VxlanOptions): Published {
  const macs = macsOf(identities, VTEP_MAC);
  // Key order is flannel's.
  const dataOf = (family: Family): JsonValue =>
    publicIps[family] === null
      ? null
      : {
          VNI: options.vni,
          VtepMAC: macs[family],
          ...(options.directRouting ? { DirectRouting: true } : {}),
        };
  return {
    data: { v4: dataOf("v4"), v6: dataOf("v6") },
    podMtuBytes: podMtuBytes(options, iface.mtuBytes),
    carrierMtuBytes: {
      v4: deviceMtuBytes(options, iface.mtuBytes, "v4"),
      v6: deviceMtuBytes(options, iface.mtuBytes, "v6"),
    },
  };
}

/** Untrusted input. A MAC may have colons or dashes, and must be unicast. */
export function parseVtepData(json: JsonValue): VtepData | string {
  const text = field(json, "VtepMAC");
  const mac = typeof text === "string" ? tryParseMac(text.replaceAll("-", ":")) : null;
  if (mac === null || !isUnicastMac(mac)) {
    const quoted = JSON.stringify(json);
    return `its VtepMAC is not a unicast Ethernet address: ${quoted.length > 120 ? `${quoted.slice(0, 117)}…` : quoted}`;
  }
  return { mac, vni: vniOf(field(json, "VNI")), routesDirectly: field(json, "DirectRouting") === true };
}

function vniOf(value: JsonValue | undefined): VtepData["vni"] {
  if (value === undefined || value === null) return "unnamed";
  return typeof value === "number" ? value : "unusable";
}

/** As in Go's encoding/json: keys match in any case, an exact match first. */
function field(data: JsonValue, name: string): JsonValue | undefined {
  if (!isJsonObject(data)) return undefined;
  // Nearly every lease has the exact key, and every plan reads it for each peer.
  if (Object.hasOwn(data, name)) return data[name];
  for (const key in data) {
    if (key.length === name.length && key.toLowerCase() === name.toLowerCase()) return data[key];
  }
  return undefined;
}
