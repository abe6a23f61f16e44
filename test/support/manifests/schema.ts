/**
 * Checks objects against the types of the Kubernetes API in `@kubernetes/client-node`: its models give the fields and
 * their types, their declarations the required ones.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import * as models from "@kubernetes/client-node/dist/gen/models/all.js";
import { isJsonObject, type JsonValue } from "../../../src/runtime/json.ts";
import type { KubeObject } from "./objects.ts";

interface Attribute {
  readonly baseName: string;
  /** As in TypeScript: `string`, `Array<V1Container>`, `{ [key: string]: string; }`, `V1PodSpec`. */
  readonly type: string;
}

interface Model {
  readonly attributeTypeMap: readonly Attribute[];
}

const MODELS = models as unknown as Readonly<Record<string, Model | undefined>>;

/** Faults of an object, each with the path of its field; empty when it is valid. */
export function schemaFaults(object: KubeObject): string[] {
  const version = (object.apiVersion.split("/").at(-1) ?? "").replace(/^v/, "V");
  const type = version + object.kind;
  if (MODELS[type] === undefined) return [`${object.apiVersion} ${object.kind} is not known`];
  return faults(object, type, object.kind);
}

/** The fields of a type by name, each with its own type, and the required ones. */
export function modelOf(type: string): {
  readonly fields: ReadonlyMap<string, string>;
  readonly required: ReadonlySet<string>;
} {
  const known = FIELDS.get(type);
  if (known !== undefined) return known;
  const model = MODELS[type];
  if (model === undefined) throw new Error(`type ${type} is not known`);
  const fields = new Map(model.attributeTypeMap.map((each) => [each.baseName, each.type]));
  const read = { fields, required: new Set(requiredFields(type)) };
  FIELDS.set(type, read);
  return read;
}

/** Read once: a declaration is a file. */
const FIELDS = new Map<string, ReturnType<typeof modelOf>>();

function faults(value: JsonValue | undefined, type: string, path: string): string[] {
  if (value === undefined || type === "any") return [];
  const [, item] = /^Array<(.*)>$/.exec(type) ?? [];
  if (item !== undefined) {
    if (!Array.isArray(value)) return [`${path} is no list`];
    return value.flatMap((each: JsonValue, index) => faults(each, item, `${path}[${index}]`));
  }
  const [, entry] = /^\{ \[key: string\]: (.*); \}$/.exec(type) ?? [];
  const model = MODELS[type];
  if (entry === undefined && model === undefined)
    return isOfType(value, type) ? [] : [`${path} is no ${type}`];
  if (!isJsonObject(value)) return [`${path} is no object`];
  if (entry !== undefined) {
    return Object.entries(value).flatMap(([key, each]) => faults(each, entry, `${path}.${key}`));
  }
  const attributes = new Map(model?.attributeTypeMap.map((each) => [each.baseName, each.type]));
  const missing = requiredFields(type).filter((name) => value[name] === undefined);
  return [
    ...missing.map((name) => `${path}.${name} is missing`),
    ...Object.entries(value).flatMap(([name, each]) => {
      const field = attributes.get(name);
      return field === undefined ? [`${path} has no field ${name}`] : faults(each, field, `${path}.${name}`);
    }),
  ];
}

function isOfType(value: JsonValue, type: string): boolean {
  switch (type) {
    case "string":
    case "number":
    case "boolean":
      return typeof value === type;
    case "IntOrString":
      return typeof value === "string" || Number.isInteger(value);
    case "Date":
      return typeof value === "string" && !Number.isNaN(Date.parse(value));
    default:
      throw new Error(`type ${type} is not known`);
  }
}

/** Resolved as the package is, also from a bundle. */
const DECLARATIONS = dirname(
  createRequire(import.meta.url).resolve("@kubernetes/client-node/dist/gen/models/all.js"),
);

/** Declared without a question mark. */
function requiredFields(type: string): string[] {
  const text = readFileSync(join(DECLARATIONS, `${type}.d.ts`), "utf8");
  return [...text.matchAll(/^ {4}'(\w+)': /gm)].map(([, name = ""]) => name);
}
