/**
 * Removes from answers what may differ between two equivalent servers: uids, versions, times, continue tokens, wording.
 */
import { isJsonObject, type JsonObject, type JsonValue } from "../../../src/runtime/json.ts";
import type { Answer } from "./client.ts";

/** Refusals whose text is compared too: clients show it, and it contains nothing specific to a server. */
const WORDED: ReadonlySet<string> = new Set(["NotFound", "AlreadyExists", "Forbidden", "Unauthorized"]);
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
const TIMES = ["creationTimestamp", "deletionTimestamp"];

/**
 * For the answers of one server, in order: the first uid of a name becomes its `uid 1`, an object's first version
 * `version 1`.
 */
export class Normaliser {
  readonly #uids = new Map<string, string[]>();
  readonly #versions = new Map<string, string[]>();

  normalise({ status, body, events }: Answer, isForBookmark = false): JsonObject {
    if (events === null) return { status, body: this.#value(body) };
    const shown = events.filter(
      (event) => isForBookmark || !(isJsonObject(event) && event.type === "BOOKMARK"),
    );
    const values = shown.map((event) => this.#value(event));
    // Their number depends on time.
    const isRepeated = (value: JsonValue, index: number) =>
      isJsonObject(value) &&
      value.type === "BOOKMARK" &&
      JSON.stringify(values[index - 1]) === JSON.stringify(value);
    return { status, events: values.filter((value, index) => !isRepeated(value, index)) };
  }

  #value(value: JsonValue): JsonValue {
    if (!isJsonObject(value)) return value;
    const { kind, type, object, items } = value;
    if (typeof type === "string" && isJsonObject(object ?? null))
      return { type, object: this.#value(object as JsonObject) };
    if (kind === "Status") return this.#status(value);
    if (Array.isArray(items)) return this.#list(value, items);
    return this.#object(value);
  }

  #status({ message, details, metadata, ...status }: JsonObject): JsonObject {
    const { causes, uid, ...others } = (details ?? {}) as JsonObject;
    const { continue: token } = (metadata ?? {}) as JsonObject;
    const faults = Array.isArray(causes) ? { causes: distinct(causes.map(causeOf)) } : {};
    const named = typeof uid === "string" ? { uid: this.#uid(String(others.name), uid) } : {};
    return {
      ...status,
      details: { ...others, ...named, ...faults },
      ...(token === undefined ? {} : { continue: "a token" }),
      ...(WORDED.has(String(status.reason)) ? { message: message ?? null } : {}),
    };
  }

  #list({ metadata, items: _, ...list }: JsonObject, items: readonly JsonValue[]): JsonObject {
    const { resourceVersion, continue: token, ...others } = (metadata ?? {}) as JsonObject;
    const newest = Math.max(0, ...items.map((item) => versionOf(item)));
    return {
      ...list,
      metadata: {
        ...others,
        isBehindItems: Number(resourceVersion) < newest,
        ...(token === undefined ? {} : { continue: "a token" }),
      },
      items: items.map((item) => (isJsonObject(item) ? this.#object(item) : item)),
    };
  }

  #object(object: JsonObject): JsonObject {
    if (!isJsonObject(object.metadata ?? null)) return object;
    const { managedFields: _, uid, resourceVersion, ...metadata } = object.metadata as JsonObject;
    const times = TIMES.filter(
      (name) => typeof metadata[name] === "string" && TIME.test(String(metadata[name])),
    );
    const { generateName } = metadata;
    return {
      ...object,
      metadata: {
        ...metadata,
        ...(typeof uid === "string" ? { uid: this.#uid(String(metadata.name), uid) } : {}),
        ...(resourceVersion === undefined
          ? {}
          : { resourceVersion: this.#version(String(uid ?? ""), String(resourceVersion)) }),
        ...Object.fromEntries(times.map((name) => [name, "a time"])),
        ...(typeof generateName === "string" ? { name: `${generateName}*` } : {}),
      },
    };
  }

  #uid(name: string, uid: string): string {
    return ordinal(this.#uids, name, "uid", uid);
  }

  #version(uid: string, version: string): string {
    // A bookmark has a version, but no object.
    if (uid === "") return "a version";
    return ordinal(this.#versions, uid, "version", version);
  }
}

/** Its position among all values seen for `of`. */
function ordinal(seen: Map<string, string[]>, of: string, word: string, value: string): string {
  const known = seen.get(of) ?? [];
  seen.set(of, known);
  if (!known.includes(value)) known.push(value);
  return `${word} ${known.indexOf(value) + 1}`;
}

/** Field and kind of the fault; each server has its own wording. */
function causeOf(cause: JsonValue): string {
  const { reason, field } = (isJsonObject(cause) ? cause : {}) as JsonObject;
  // Of a changed provider Kubernetes 1.34 said "FieldValueForbidden".
  if (field === "spec.providerID") return field;
  return `${String(reason)} ${String(field ?? "")}`.trim();
}

function versionOf(item: JsonValue): number {
  const { metadata } = (isJsonObject(item) ? item : {}) as JsonObject;
  return isJsonObject(metadata ?? null) ? Number((metadata as JsonObject).resourceVersion) : 0;
}

function distinct(texts: readonly string[]): string[] {
  return [...new Set(texts)].sort();
}
