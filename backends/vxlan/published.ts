/**
 * BackendData of a VXLAN lease: `{"VNI":1,"VtepMAC":"0e:52:a1:00:00:07"}`, one for each family. A node that routes
 * directly says so in a field of ours, `"DirectRouting":true`, which flannel ignores.
 */
import type { ConflictKey } from "../../src/lease/conflict-key.ts";
import type { BackendData } from "../../src/lease/lease.ts";
import { type DualStack, isUnicastMac, type Mac, tryParseMac } from "../../src/net/index.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../../src/runtime/json.ts";

/** Key order is flannel's. */
export function vtepData(vni: number, mac: Mac, routesDirectly: boolean): JsonObject {
  return { VNI: vni, VtepMAC: mac, ...(routesDirectly ? { DirectRouting: true } : {}) };
}

export function vtepMacs(data: BackendData): DualStack<Mac> {
  return { v4: vtepMac(data.v4), v6: vtepMac(data.v6) };
}

/** The VNI that the owner listens on, or null when what was published has none. */
export function publishedVni(data: JsonValue): number | null {
  const vni = field(data, "VNI");
  return typeof vni === "number" ? vni : null;
}

/** Writers other than flannel leave the VNI out and mean the network's; flannel never looks at a peer's. */
export function isForVni(data: JsonValue, vni: number): boolean {
  return (
    isJsonObject(data) && [vni, undefined, null].includes(field(data, "VNI") as number | null | undefined)
  );
}

/**
 * Frames for a MAC go to one remote end: a second node of the same MAC would take them. The VNI does not count, as it
 * may be left out.
 */
export function vtepConflictKeys(data: JsonValue): readonly ConflictKey[] {
  const mac = vtepMac(data);
  return mac === null ? [] : [{ code: "duplicate-mac", value: mac }];
}

export function routesDirectly(data: JsonValue): boolean {
  return field(data, "directrouting") === true;
}

/** The MAC that frames for this node carry, with colons or dashes, or null when what was published names no station. */
export function vtepMac(data: JsonValue): Mac | null {
  const text = field(data, "VtepMAC");
  const mac = typeof text === "string" ? tryParseMac(text.replaceAll("-", ":")) : null;
  return mac !== null && isUnicastMac(mac) ? mac : null;
}

export function refuseVtep(data: JsonValue): string | null {
  if (vtepMac(data) !== null) return null;
  const text = JSON.stringify(data);
  return `its VtepMAC is not a unicast Ethernet address: ${text.length > 120 ? `${text.slice(0, 117)}…` : text}`;
}

/** As Go reads it: a key matches in any case, though the exact one is taken first. */
function field(data: JsonValue, name: string): JsonValue | undefined {
  if (!isJsonObject(data)) return undefined;
  // Nearly every lease spells it so, and this is asked several times for each peer in every plan.
  if (Object.hasOwn(data, name)) return data[name];
  const key = Object.keys(data).find((each) => each.toLowerCase() === name.toLowerCase());
  return key === undefined ? undefined : data[key];
}
