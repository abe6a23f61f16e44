/** Strategic merge patch as far as Nodes and pods need it: maps merge, null deletes, some lists merge by a key. */
import { isJsonObject, type JsonObject, type JsonValue } from "../../../src/runtime/json.ts";

/** `patchMergeKey` of k8s.io/api core/v1 for lists in a Node and a pod; every other list is replaced. */
const MERGE_KEYS: Readonly<Record<string, string>> = {
  conditions: "type",
  addresses: "type",
  taints: "key",
  containers: "name",
  volumes: "name",
  volumeMounts: "mountPath",
};

export function strategicMerge(target: JsonObject, patch: JsonObject): JsonObject {
  const merged: Record<string, JsonValue> = { ...target };
  for (const [name, value] of Object.entries(patch)) {
    const present = merged[name] ?? null;
    const key = MERGE_KEYS[name];
    if (value === null) delete merged[name];
    else if (isJsonObject(value)) merged[name] = strategicMerge(isJsonObject(present) ? present : {}, value);
    else if (key !== undefined && Array.isArray(value))
      merged[name] = mergeByKey(Array.isArray(present) ? present : [], value, key);
    else merged[name] = value;
  }
  return merged;
}

function mergeByKey(
  present: readonly JsonValue[],
  patch: readonly JsonValue[],
  key: string,
): readonly JsonValue[] {
  const merged = present.map((item) => item);
  for (const item of patch) {
    if (!isJsonObject(item)) throw new TypeError("a list of objects was expected");
    const at = merged.findIndex((other) => isJsonObject(other) && other[key] === item[key]);
    const old = at < 0 ? {} : merged[at];
    const next = strategicMerge(isJsonObject(old) ? old : {}, item);
    if (at < 0) merged.push(next);
    else merged[at] = next;
  }
  return merged;
}
