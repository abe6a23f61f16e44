/**
 * Strategic merge patch, the subset for Nodes, Events and pods, after `strategicpatch` of k8s.io/apimachinery: maps
 * merge, null deletes, some lists merge by a key, and directives (`$patch`, `$setElementOrder`,
 * `$deleteFromPrimitiveList`).
 */
import { isDeepStrictEqual } from "node:util";
import { isJsonObject, type JsonObject, type JsonValue } from "../../../src/runtime/json.ts";
import { badRequest, Refusal } from "./refusal.ts";

/** `patchMergeKey` of k8s.io/api core/v1 for lists in a Node and a pod; null for a list of values that merges; every other list is replaced. */
const MERGE_KEYS: Readonly<Record<string, string | null>> = {
  conditions: "type",
  addresses: "type",
  containers: "name",
  volumes: "name",
  volumeMounts: "mountPath",
  ownerReferences: "uid",
  finalizers: null,
  podCIDRs: null,
};

const ORDER = "$setElementOrder/";
const DELETION = "$deleteFromPrimitiveList/";

/** @throws Refusal when it is not a valid patch */
export function strategicMerge(target: JsonObject, patch: JsonObject): JsonObject {
  if (patch.$patch === "replace") {
    const { $patch: _, ...replaced } = patch;
    return replaced;
  }
  if (patch.$patch === "delete") return {};
  if (patch.$patch !== undefined) throw failure(`unknown patch type ${JSON.stringify(patch.$patch)}`);
  const merged: Record<string, JsonValue> = { ...target };
  for (const [name, value] of Object.entries(patch)) {
    const present = merged[name] ?? null;
    if (name.startsWith(ORDER)) continue;
    if (name.startsWith(DELETION)) {
      const list = name.slice(DELETION.length);
      if (!Array.isArray(value)) throw badRequest("invalid patch format of primitive list");
      const old = merged[list];
      if (Array.isArray(old)) merged[list] = old.filter((item: JsonValue) => !value.includes(item));
    } else if (value === null) delete merged[name];
    else if (isJsonObject(value)) {
      const [whole = null] = isJsonObject(present)
        ? [strategicMerge(present, value)]
        : withoutDirectives(value);
      if (whole === null) delete merged[name];
      else merged[name] = whole;
    } else if (Array.isArray(value)) merged[name] = mergeLists(name, present, value, patch[ORDER + name]);
    else merged[name] = value;
  }
  for (const name of Object.keys(patch).filter((each) => each.startsWith(ORDER))) {
    const list = name.slice(ORDER.length);
    if (patch[list] === undefined) merged[list] = mergeLists(list, merged[list] ?? null, [], patch[name]);
    if (isDeepStrictEqual(merged[list], [])) delete merged[list];
  }
  return merged;
}

function mergeLists(name: string, present: JsonValue, patch: readonly JsonValue[], order?: JsonValue) {
  const key = MERGE_KEYS[name];
  if (key === undefined) return patch;
  // A new list is taken unchanged, including duplicates.
  if (!Array.isArray(present)) return patch.flatMap(withoutDirectives);
  const old: readonly JsonValue[] = present;
  if (key === null) return inOrder([...new Set([...old, ...patch])], old, patch, (item) => item);
  const keyOf = (item: JsonValue): JsonValue => {
    if (!isJsonObject(item)) throw failure("expected a list of objects");
    const value = item[key];
    if (value === undefined)
      throw failure(`map: ${JSON.stringify(item)} does not contain declared merge key: ${key}`);
    return value;
  };
  const directives = patch.filter((item) => isJsonObject(item) && item.$patch !== undefined) as JsonObject[];
  const unknown = directives.find(({ $patch }) => $patch !== "delete" && $patch !== "replace");
  if (unknown !== undefined) throw failure(`unknown patch type ${JSON.stringify(unknown.$patch)}`);
  const deleted = directives.filter(({ $patch }) => $patch === "delete").map(keyOf);
  const additions = patch.filter((item) => !isJsonObject(item) || item.$patch === undefined);
  if (directives.some(({ $patch }) => $patch === "replace")) return additions;
  const merged = old.filter((item) => !deleted.includes(keyOf(item)));
  for (const item of additions) {
    const at = merged.findIndex((other) => keyOf(other) === keyOf(item));
    if (at < 0) merged.push(item);
    else merged[at] = strategicMerge(merged[at] as JsonObject, item as JsonObject);
  }
  return inOrder(merged, old, Array.isArray(order) ? order : additions, keyOf);
}

/**
 * Items of the patch in the patch's order, merged with the other items in their old order: a new item comes before
 * items that it cannot be compared with.
 */
function inOrder(
  merged: readonly JsonValue[],
  old: readonly JsonValue[],
  patch: readonly JsonValue[],
  keyOf: (item: JsonValue) => JsonValue,
): readonly JsonValue[] {
  const patchKeys = patch.map(keyOf);
  const oldKeys = old.map(keyOf);
  const named = patchKeys.flatMap((key, at) => {
    const item = merged.find((each) => keyOf(each) === key);
    return item === undefined || patchKeys.indexOf(key) !== at ? [] : [item];
  });
  const others = merged.filter((item) => !patchKeys.includes(keyOf(item)));
  const ordered: JsonValue[] = [];
  for (let left = others[0], right = named[0]; left !== undefined || right !== undefined; ) {
    const isLeft =
      right === undefined ||
      (left !== undefined &&
        oldKeys.includes(keyOf(right)) &&
        oldKeys.indexOf(keyOf(left)) < oldKeys.indexOf(keyOf(right)));
    const from = isLeft ? others : named;
    ordered.push(from.shift() as JsonValue);
    left = others[0];
    right = named[0];
  }
  return ordered;
}

/** For a new item only the deletion directive has an effect. */
function withoutDirectives(item: JsonValue): readonly JsonValue[] {
  if (!isJsonObject(item)) return [item];
  const { $patch, ...plain } = item;
  return $patch === "delete" ? [] : [strategicMerge({}, plain)];
}

/** The API server reports most faults of such a patch as internal errors. */
function failure(message: string): Refusal {
  return new Refusal(500, "", message);
}
