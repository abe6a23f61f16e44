/**
 * Data of a node's preferred backend beyond flannel's: `backend-data` stays as flannel writes it, and the rest goes
 * into an annotation of ours, `{"v4":{"DirectRouting":true}}`. It also has source addresses of the node's packets
 * beside the published ones, as `"sources":["192.0.2.7"]`.
 */
import { FAMILIES, type Family } from "../../net/index.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../../runtime/json.ts";
import type { BackendData, BackendOffer } from "../lease.ts";

/** In flannel's order. Data of other backend types is entirely flannel's. */
const FLANNEL_FIELDS: ReadonlyMap<string, readonly string[]> = new Map([
  ["vxlan", ["VNI", "VtepMAC"]],
  ["ipip", []],
]);

export interface SplitData {
  readonly flannel: BackendData;
  /** By family; null when there is none. */
  readonly further: JsonObject | null;
}

export function splitData({ type, data }: BackendOffer): SplitData {
  const fields = FLANNEL_FIELDS.get(type);
  if (fields === undefined) return { flannel: data, further: null };
  const part = (family: Family, isWanted: (name: string) => boolean): JsonValue => {
    const value = data[family];
    if (!isJsonObject(value)) return value;
    return Object.fromEntries(Object.entries(value).filter(([name]) => isWanted(name)));
  };
  const isFlannelField = (name: string) => fields.includes(name);
  const further = FAMILIES.flatMap((family) => {
    const rest = part(family, (name) => !isFlannelField(name));
    return isJsonObject(rest) && Object.keys(rest).length > 0 ? [[family, rest] as const] : [];
  });
  return {
    flannel: { v4: part("v4", isFlannelField), v6: part("v6", isFlannelField) },
    further: further.length === 0 ? null : Object.fromEntries(further),
  };
}

/** Merges both; flannel's fields take precedence, and `further` data that is not an object is ignored. */
export function joinData(flannel: BackendData, further: JsonValue): BackendData {
  const join = (family: Family): JsonValue => {
    const value = flannel[family];
    const rest = isJsonObject(further) ? (further[family] ?? null) : null;
    if (!isJsonObject(value) || !isJsonObject(rest)) return value;
    return {
      ...value,
      ...Object.fromEntries(Object.entries(rest).filter(([name]) => !Object.hasOwn(value, name))),
    };
  };
  return { v4: join("v4"), v6: join("v6") };
}
