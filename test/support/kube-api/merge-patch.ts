/** JSON merge patch, RFC 7386. */
import { isJsonObject, type JsonObject, type JsonValue } from "../../../src/runtime/json.ts";

export function mergePatch(target: JsonObject, patch: JsonObject): JsonObject {
  const merged: Record<string, JsonValue> = { ...target };
  for (const [name, value] of Object.entries(patch)) {
    const present = merged[name] ?? null;
    if (value === null) delete merged[name];
    else if (isJsonObject(value)) merged[name] = mergePatch(isJsonObject(present) ? present : {}, value);
    else merged[name] = value;
  }
  return merged;
}
