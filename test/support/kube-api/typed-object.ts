/**
 * An object after a round trip through the API server's Go structs: unknown fields are dropped, fields without a value
 * are left out or filled in, and values of the wrong type are refused.
 */
import { isJsonObject, type JsonObject, type JsonValue } from "../../../src/runtime/json.ts";
import { modelOf } from "../manifests/schema.ts";

export class TypeFault extends Error {}

/** Structs (not pointers) in k8s.io/api: present even when empty. */
const STRUCTS: ReadonlySet<string> = new Set([
  ...[
    "V1Node.metadata",
    "V1Node.spec",
    "V1Node.status",
    "V1NodeStatus.daemonEndpoints",
    "V1NodeStatus.nodeInfo",
  ],
  ...[
    "V1NodeDaemonEndpoints.kubeletEndpoint",
    "CoreV1Event.metadata",
    "CoreV1Event.involvedObject",
    "CoreV1Event.source",
  ],
]);

/** `metav1.Time`, not a pointer to one: null when unset. */
const TIMES: ReadonlySet<string> = new Set([
  ...["V1NodeCondition.lastHeartbeatTime", "V1NodeCondition.lastTransitionTime"],
  ...["CoreV1Event.firstTimestamp", "CoreV1Event.lastTimestamp", "CoreV1Event.eventTime"],
]);

/** Without `omitempty`, though the API's description calls them optional. */
const ALWAYS: ReadonlySet<string> = new Set([
  "CoreV1Event.reportingComponent",
  "CoreV1Event.reportingInstance",
  "V1ContainerImage.names",
]);

/** @param type a model's name, as `V1Node` @throws TypeFault with the path of the field */
export function typedObject(object: JsonObject, type: string): JsonObject {
  const { kind = "", apiVersion = "", metadata, ...typed } = typedModel(object, type, "") as JsonObject;
  // The API server no longer serves it.
  const { selfLink: _, ...others } = metadata as JsonObject;
  return { kind, apiVersion, metadata: others, ...typed };
}

/** The path of a field that the type does not have; null when there is none. */
export function unknownField(value: JsonValue, type: string, path = ""): string | null {
  const item = /^Array<(.*)>$/.exec(type)?.[1];
  if (Array.isArray(value)) {
    const found = value.map((each: JsonValue, index) =>
      unknownField(each, item ?? "any", `${path}[${index}]`),
    );
    return found.find((place) => place !== null) ?? null;
  }
  if (!isJsonObject(value) || !/^\w*V\d\w+$/.test(type)) return null;
  const { fields } = modelOf(type);
  for (const [name, each] of Object.entries(value)) {
    const field = fields.get(name);
    const place = path === "" ? name : `${path}.${name}`;
    const found = field === undefined ? place : unknownField(each, field, place);
    if (found !== null) return found;
  }
  return null;
}

function typedModel(value: JsonValue, type: string, path: string): JsonValue {
  if (!isJsonObject(value)) throw new TypeFault(`${path} is no object`);
  const { fields, required } = modelOf(type);
  const typed: Record<string, JsonValue> = {};
  for (const [name, fieldType] of fields) {
    const place = `${type}.${name}`;
    const given = value[name] ?? null;
    const field = typedValue(given, fieldType, `${path}.${name}`, place);
    if (field !== null && !isEmpty(field)) typed[name] = field;
    else if (TIMES.has(place)) typed[name] = null;
    else if (STRUCTS.has(place)) typed[name] = typedModel({}, fieldType, path);
    else if (required.has(name) || ALWAYS.has(place)) typed[name] = field ?? zeroOf(fieldType);
    // A pointer to a struct is present when it was given, even if empty.
    else if (isJsonObject(given) && isJsonObject(field) && !fieldType.startsWith("{")) typed[name] = field;
  }
  return typed;
}

function typedValue(value: JsonValue, type: string, path: string, place: string): JsonValue {
  if (value === null || type === "any") return value;
  const { item, entry } = shapeOf(type);
  if (item !== undefined) {
    if (!Array.isArray(value)) throw new TypeFault(`${path} is no list`);
    return value.map((each: JsonValue, index) => typedItem(each, item, `${path}[${index}]`, place));
  }
  if (entry === undefined) return typedItem(value, type, path, place);
  if (!isJsonObject(value)) throw new TypeFault(`${path} is no object`);
  const isQuantity = /\.(?:capacity|allocatable)$/.test(place);
  const entries = Object.entries(value).map(([key, each]): [string, JsonValue] => {
    if (isQuantity) return [key, typedQuantity(each, `${path}.${key}`)];
    return [key, typedItem(each, entry, `${path}.${key}`, place)];
  });
  return Object.fromEntries(entries);
}

interface Shape {
  /** The type of a list's items. */
  readonly item: string | undefined;
  /** The type of a map's values. */
  readonly entry: string | undefined;
}

/** A type is parsed once: every write goes through all fields of its object. */
function shapeOf(type: string): Shape {
  const known = SHAPES.get(type);
  if (known !== undefined) return known;
  const shape = {
    item: /^Array<(.*)>$/.exec(type)?.[1],
    entry: /^\{ \[key: string\]: (.*); \}$/.exec(type)?.[1],
  };
  SHAPES.set(type, shape);
  return shape;
}

const SHAPES = new Map<string, Shape>();

function typedItem(value: JsonValue, type: string, path: string, place: string): JsonValue {
  switch (type) {
    case "string":
    case "number":
    case "boolean":
      if (value === null) return zeroOf(type);
      if (typeof value !== type || (type === "number" && !Number.isInteger(value)))
        throw new TypeFault(`${path} is no ${type}`);
      return value;
    case "Date":
    case "V1MicroTime":
      return typedTime(value, path, type === "Date" ? 19 : 26);
    default:
      return value === null ? typedModel({}, type, path) : typedNested(value, type, path, place);
  }
}

function typedNested(value: JsonValue, type: string, path: string, place: string): JsonValue {
  // The contents of managed fields are free-form.
  if (place.endsWith(".fieldsV1")) return value;
  return typedModel(value, type, path);
}

/** RFC 3339, normalised to UTC and whole seconds (or microseconds). */
function typedTime(value: JsonValue, path: string, digits: number): JsonValue {
  const isTime =
    typeof value === "string" && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/.test(value);
  const wallMs = isTime ? Date.parse(value) : Number.NaN;
  if (Number.isNaN(wallMs)) throw new TypeFault(`${path} is no time`);
  return `${new Date(wallMs).toISOString().slice(0, 23).padEnd(26, "0").slice(0, digits)}Z`;
}

function typedQuantity(value: JsonValue, path: string): JsonValue {
  const text = typeof value === "number" ? String(value) : value;
  const isQuantity =
    typeof text === "string" &&
    /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[numkMGTPE]|[KMGTPE]i|[eE][+-]?\d+)?$/.test(text);
  if (!isQuantity) throw new TypeFault(`${path} is no quantity`);
  return text;
}

function isEmpty(value: JsonValue): boolean {
  if (Array.isArray(value)) return value.length === 0;
  if (isJsonObject(value)) return Object.keys(value).length === 0;
  return value === "" || value === 0 || value === false;
}

function zeroOf(type: string): JsonValue {
  if (type === "string") return "";
  if (type === "number") return 0;
  return type === "boolean" ? false : null;
}
