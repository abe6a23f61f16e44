/** Creation, update and deletion of objects, with checks in the API server's order. */
import { isDeepStrictEqual } from "node:util";
import type { Clock } from "../../../src/runtime/clock.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../../../src/runtime/json.ts";
import type { Random } from "../../../src/runtime/random.ts";
import type { ApiCall } from "./exchange.ts";
import { jsonPatch } from "./json-patch.ts";
import { failedVersion } from "./list-options.ts";
import { mergePatch } from "./merge-patch.ts";
import { keyOf, type ObjectTable, type StoredObject } from "./object-table.ts";
import {
  badRequest,
  conflict,
  invalid,
  invalidValue,
  notFound,
  Refusal,
  unsupportedMediaType,
} from "./refusal.ts";
import { decodeBody, parseBody, type ResourceKind } from "./resource-kinds.ts";
import { strategicMerge } from "./strategic-merge.ts";
import { TypeFault } from "./typed-object.ts";

/** For times, uids and names that the server makes. */
export interface Surroundings {
  readonly clock: Clock;
  readonly random: Random;
}

/** The target of a request, from its path. */
export interface Target {
  readonly surroundings: Surroundings;
  readonly table: ObjectTable;
  readonly kind: ResourceKind;
  readonly namespace: string | null;
  readonly name: string;
  readonly isStatus: boolean;
}

/** The namespaces of every cluster; the stand-in has no others. */
const NAMESPACES = ["default", "kube-system", "kube-public", "kube-node-lease"];

/** Limit of a request's body. */
export const MAX_BODY_BYTES = 3 << 20;
/** etcd's limit of a write. */
const MAX_OBJECT_BYTES = 1.5 * (1 << 20);

const STALE = "the object has been modified; please apply your changes to the latest version and try again";

export function create(target: Omit<Target, "name" | "isStatus">, call: ApiCall): string {
  const { table, kind, namespace, surroundings } = target;
  const decoded = decodeBody(call, kind);
  const { name = "", generateName, ...given } = decoded.metadata as Partial<StoredObject["metadata"]>;
  const metadata = {
    ...given,
    name: name === "" && typeof generateName === "string" ? generateName + randomName(surroundings) : name,
    ...(generateName === undefined ? {} : { generateName }),
    creationTimestamp: now(surroundings),
    uid: newUid(surroundings),
  };
  const object = kind.admit(inNamespace({ ...decoded, metadata } as StoredObject, target));
  if (namespace !== null && !NAMESPACES.includes(namespace)) throw notFound("namespaces", namespace);
  refuseFaults(kind, object, kind.faults(object));
  if (String(given.resourceVersion ?? "") !== "")
    throw new Refusal(500, "", "resourceVersion should not be set on objects to be created");
  if (table.get(keyOf(object)) !== null) {
    const message = `${kind.resource} ${JSON.stringify(metadata.name)} already exists`;
    throw new Refusal(409, "AlreadyExists", message, { name: metadata.name, kind: kind.resource });
  }
  return store(target, object, call.query);
}

export function replace(target: Target, call: ApiCall): string {
  const { table, kind, name } = target;
  const object = named(inNamespace(decodeBody(call, kind), target), name);
  const present = table.get(keyIn(target));
  if (present === null) {
    if (!kind.isMadeByUpdate) throw notFound(kind.resource, name);
    return create(target, { ...call, body: Buffer.from(JSON.stringify(object)) });
  }
  const { uid } = object.metadata;
  if (uid !== undefined && uid !== present.metadata.uid) {
    const reason = `Precondition failed: UID in precondition: ${String(uid)}, UID in object meta: ${String(present.metadata.uid)}`;
    throw conflict(kind.resource, name, reason);
  }
  return update(target, object, present, call.query);
}

export function patch(target: Target, { headers, body, query }: ApiCall): string {
  const { table, kind, name } = target;
  const type = (headers["content-type"] ?? "").split(";")[0] ?? "";
  const apply = PATCHES[type];
  if (apply === undefined) {
    throw unsupportedMediaType(Object.keys(PATCHES));
  }
  const content = parsePatch(body);
  const present = table.get(keyIn(target));
  if (present === null) throw notFound(kind.resource, name);
  const patched = apply(present, content);
  try {
    return update(target, named(inNamespace(kind.decode(patched), target), name), present, query);
  } catch (error) {
    if (!(error instanceof TypeFault)) throw error;
    throw invalid("", "", [invalidValue("patch", error.message)]);
  }
}

const PATCHES: Readonly<Record<string, (object: StoredObject, content: JsonValue) => JsonObject>> = {
  "application/json-patch+json": jsonPatch,
  "application/merge-patch+json": (object, content) => mergePatch(object, patchObject(content)),
  "application/strategic-merge-patch+json": (object, content) => strategicMerge(object, patchObject(content)),
};

export function remove(target: Target, { body }: ApiCall): string {
  const { table, kind, name, surroundings } = target;
  const { preconditions } = (body.length === 0 ? {} : parseBody(body)) as JsonObject;
  const present = table.get(keyIn(target));
  if (present === null) throw notFound(kind.resource, name);
  const wanted = isJsonObject(preconditions ?? null) ? (preconditions as JsonObject) : {};
  for (const field of ["uid", "resourceVersion"] as const) {
    if (wanted[field] === undefined || wanted[field] === present.metadata[field]) continue;
    throw conflict(kind.kind, name, `Precondition failed: ${field} is ${String(present.metadata[field])}`);
  }
  if (finalizersOf(present).length > 0) {
    const metadata = {
      ...present.metadata,
      deletionTimestamp: now(surroundings),
      deletionGracePeriodSeconds: 0,
    };
    return present.metadata.deletionTimestamp === undefined
      ? table.put({ ...present, metadata })
      : JSON.stringify(present);
  }
  table.delete(keyIn(target));
  const details = { name, kind: kind.resource, uid: String(present.metadata.uid) };
  return JSON.stringify({ kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", details });
}

/** Either path writes only its own half, and the metadata. A write without changes makes no version. */
function update(target: Target, object: StoredObject, present: StoredObject, query: URLSearchParams): string {
  const { kind, isStatus, name } = target;
  const version = String(object.metadata.resourceVersion ?? "");
  if (!/^\d*$/.test(version)) throw failedVersion(version);
  if (version !== "" && version !== "0" && version !== present.metadata.resourceVersion)
    throw conflict(kind.resource, name, STALE);
  const { creationTimestamp, uid, generation, deletionTimestamp, deletionGracePeriodSeconds } =
    present.metadata;
  const system = { creationTimestamp, generation, deletionTimestamp, deletionGracePeriodSeconds };
  const metadata = {
    ...object.metadata,
    uid: object.metadata.uid ?? uid ?? null,
    resourceVersion: present.metadata.resourceVersion ?? null,
    ...Object.fromEntries(Object.entries(system).filter(([, value]) => value !== undefined)),
  };
  const half = kind.hasStatus
    ? { [isStatus ? "spec" : "status"]: present[isStatus ? "spec" : "status"] ?? {} }
    : {};
  const updated = { ...object, metadata, ...half } as StoredObject;
  refuseFaults(kind, updated, kind.updateFaults(updated, present, isStatus));
  const isSame = isDeepStrictEqual(updated, { ...present, ...half });
  if (isSame) return JSON.stringify(present);
  const isLast = deletionTimestamp !== undefined && finalizersOf(updated).length === 0;
  if (!isLast) return store(target, updated, query);
  target.table.delete(keyIn(target));
  return JSON.stringify(updated);
}

function store(
  { table, kind }: Pick<Target, "table" | "kind">,
  object: StoredObject,
  query: URLSearchParams,
): string {
  if (query.get("dryRun") === "All") return JSON.stringify(object);
  if (Buffer.byteLength(JSON.stringify(object)) > MAX_OBJECT_BYTES)
    throw new Refusal(500, "", `etcdserver: request is too large (${kind.kind})`);
  return table.put(object);
}

function refuseFaults(
  { kind }: ResourceKind,
  object: StoredObject,
  faults: ReturnType<ResourceKind["faults"]>,
): void {
  if (faults.length > 0) throw invalid(kind, object.metadata.name, faults);
}

function keyIn({ namespace, name }: Pick<Target, "namespace" | "name">): string {
  return namespace === null ? name : `${namespace}/${name}`;
}

function inNamespace(object: StoredObject, { namespace }: Pick<Target, "namespace">): StoredObject {
  const { namespace: given = namespace, ...metadata } = object.metadata;
  if (namespace !== null && given !== namespace)
    throw badRequest("the namespace of the provided object does not match the namespace sent on the request");
  return {
    ...object,
    metadata: { ...metadata, ...(namespace === null ? {} : { namespace }) },
  } as StoredObject;
}

function named(object: StoredObject, name: string): StoredObject {
  const { name: given = "" } = object.metadata as Partial<StoredObject["metadata"]>;
  if (given === "") throw badRequest("name must be provided");
  if (given !== name)
    throw badRequest(`the name of the object (${given}) does not match the name on the URL (${name})`);
  return object;
}

function finalizersOf({ metadata }: StoredObject): readonly JsonValue[] {
  return (metadata.finalizers ?? []) as readonly JsonValue[];
}

function parsePatch(body: Buffer): JsonValue {
  try {
    return JSON.parse(body.toString()) as JsonValue;
  } catch (error) {
    throw badRequest(`error decoding patch: ${String(error)}`);
  }
}

function patchObject(value: JsonValue): JsonObject {
  if (!isJsonObject(value)) throw badRequest("error decoding patch: an object was expected");
  return value;
}

/** A suffix as for `generateName`: five characters. */
function randomName({ random }: Surroundings): string {
  return [...random.bytes(5)].map((byte) => "bcdfghjklmnpqrstvwxz2456789"[byte % 27]).join("");
}

/** RFC 9562, version 4. */
function newUid({ random }: Surroundings): string {
  const digits = Buffer.from(random.bytes(16)).toString("hex");
  const variant = "89ab"[Number.parseInt(digits[16] ?? "0", 16) % 4];
  return digits.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12})$/, `$1-$2-4$3-${variant}$4-$5`);
}

function now({ clock }: Surroundings): string {
  return `${new Date(clock.wallMs()).toISOString().slice(0, 19)}Z`;
}
