/** JSON patch, RFC 6902. */
import { isDeepStrictEqual } from "node:util";
import { isJsonObject, type JsonObject, type JsonValue } from "../../../src/runtime/json.ts";
import { badRequest, Refusal } from "./refusal.ts";

const MAX_OPERATIONS = 10_000;

type Container = Record<string, JsonValue> | JsonValue[];

/** @throws Refusal 400 when it is not a valid patch, 422 when it does not apply */
export function jsonPatch(target: JsonObject, patch: JsonValue): JsonObject {
  if (!Array.isArray(patch) || !patch.every(isJsonObject)) throw badRequest("error decoding patch");
  if (patch.length > MAX_OPERATIONS) {
    const message = `The allowed maximum operations in a JSON patch is ${MAX_OPERATIONS}, got ${patch.length}`;
    throw new Refusal(413, "RequestEntityTooLarge", message);
  }
  const document = structuredClone(target) as Record<string, JsonValue>;
  for (const { op, path, from, value } of patch as readonly JsonObject[]) {
    if (typeof path !== "string") throw doesNotApply("a path is missing");
    switch (op) {
      case "add":
        add(document, path, value);
        break;
      case "remove":
        remove(document, path);
        break;
      case "replace":
        read(document, path);
        replace(document, path, value);
        break;
      case "move": {
        const moved = remove(document, String(from));
        add(document, path, moved);
        break;
      }
      case "copy":
        add(document, path, structuredClone(read(document, String(from))));
        break;
      case "test":
        if (!isDeepStrictEqual(find(document, path) ?? null, value ?? null))
          throw doesNotApply(`testing value ${path} failed`);
        break;
      default:
        throw doesNotApply(`unexpected kind: ${String(op)}`);
    }
  }
  return document;
}

function add(document: Container, path: string, value: JsonValue | undefined): void {
  const { container, key } = locate(document, path);
  if (!Array.isArray(container)) container[key] = value ?? null;
  else
    container.splice(
      key === "-" ? container.length : indexOf(container, key, container.length),
      0,
      value ?? null,
    );
}

function replace(document: Container, path: string, value: JsonValue | undefined): void {
  const { container, key } = locate(document, path);
  if (Array.isArray(container)) container[indexOf(container, key, container.length - 1)] = value ?? null;
  else container[key] = value ?? null;
}

function remove(document: Container, path: string): JsonValue {
  const value = read(document, path);
  const { container, key } = locate(document, path);
  if (Array.isArray(container)) container.splice(indexOf(container, key, container.length - 1), 1);
  else delete container[key];
  return value;
}

function read(document: Container, path: string): JsonValue {
  const value = find(document, path);
  if (value === undefined) throw doesNotApply(`Unable to find nonexistent key: ${path}`);
  return value;
}

function find(document: Container, path: string): JsonValue | undefined {
  const { container, key } = locate(document, path);
  if (Array.isArray(container)) return container[indexOf(container, key, container.length - 1)];
  return container[key];
}

function locate(document: Container, path: string): { readonly container: Container; readonly key: string } {
  if (!path.startsWith("/")) throw doesNotApply(`there is no path ${JSON.stringify(path)}`);
  const keys = path
    .slice(1)
    .split("/")
    .map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"));
  let container: JsonValue | Container | undefined = document;
  for (const key of keys.slice(0, -1)) {
    container = Array.isArray(container)
      ? (container as JsonValue[])[indexOf(container as JsonValue[], key, container.length - 1)]
      : (container as Record<string, JsonValue>)[key];
    if (typeof container !== "object" || container === null) throw doesNotApply(`there is no path ${path}`);
  }
  return { container: container as Container, key: keys.at(-1) ?? "" };
}

function indexOf(list: readonly JsonValue[], key: string, last: number): number {
  const index = /^-?\d+$/.test(key) ? Number(key) : Number.NaN;
  const counted = index < 0 ? index + list.length : index;
  if (!(counted >= 0 && counted <= last)) throw doesNotApply(`Unable to access invalid index: ${key}`);
  return counted;
}

function doesNotApply(message: string): Refusal {
  return new Refusal(
    422,
    "Invalid",
    `the server rejected our request due to an error in our request: ${message}`,
  );
}
