/** The kinds of objects that the stand-in supports, with their specifics. */
import type { JsonObject } from "../../../src/runtime/json.ts";
import { eventFaults } from "./event-rules.ts";
import type { ApiCall } from "./exchange.ts";
import { metadataFaults, metadataUpdateFaults } from "./metadata-rules.ts";
import {
  nodeFaults,
  nodeUpdateFaults,
  withAllocatable,
  withNotReadyTaint,
  withOnePodCidr,
} from "./node-rules.ts";
import type { StoredObject } from "./object-table.ts";
import { badRequest, type FieldFault, unsupportedMediaType } from "./refusal.ts";
import { TypeFault, typedObject, unknownField } from "./typed-object.ts";

export interface ResourceKind {
  readonly kind: string;
  /** In the plural, as in paths. */
  readonly resource: string;
  readonly isNamespaced: boolean;
  readonly hasStatus: boolean;
  /** Whether PUT creates a missing object. */
  readonly isMadeByUpdate: boolean;
  /** Fields for `fieldSelector`, each with its default value. */
  readonly selectable: Readonly<Record<string, string>>;
  /** The name of its type in the client library. */
  readonly model: string;
  /** Converts it as Go's structs do. @throws TypeFault */
  decode(object: JsonObject): StoredObject;
  /** Applies the defaults that admission adds to a new object. */
  admit(object: StoredObject): StoredObject;
  faults(object: StoredObject): readonly FieldFault[];
  updateFaults(object: StoredObject, old: StoredObject, isStatus: boolean): readonly FieldFault[];
}

const same = (object: StoredObject) => object;

const NODES: ResourceKind = {
  kind: "Node",
  resource: "nodes",
  isNamespaced: false,
  hasStatus: true,
  isMadeByUpdate: false,
  selectable: { "metadata.name": "", "spec.unschedulable": "false" },
  model: "V1Node",
  decode: (object) => withAllocatable(withOnePodCidr(typedObject(object, "V1Node") as StoredObject)),
  admit: withNotReadyTaint,
  faults: (node) => [...metadataFaults(node, true), ...nodeFaults(node)],
  updateFaults: (node, old, isStatus) => [
    ...metadataFaults(node, !isStatus),
    ...metadataUpdateFaults(node, old),
    ...nodeUpdateFaults(node, old),
    ...(isStatus ? [] : nodeFaults(node)),
  ],
};

const INVOLVED = ["kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath"];

const EVENTS: ResourceKind = {
  kind: "Event",
  resource: "events",
  isNamespaced: true,
  hasStatus: false,
  isMadeByUpdate: true,
  selectable: Object.fromEntries(
    ["metadata.name", "metadata.namespace", "reason", "type", "reportingComponent"]
      .concat(INVOLVED.map((field) => `involvedObject.${field}`))
      .map((field) => [field, ""]),
  ),
  model: "CoreV1Event",
  decode: (object) => typedObject(object, "CoreV1Event") as StoredObject,
  admit: same,
  faults: (event) => [...metadataFaults(event, false), ...eventFaults(event)],
  updateFaults: (event, old) => [
    ...metadataFaults(event, false),
    ...metadataUpdateFaults(event, old),
    ...eventFaults(event),
  ],
};

/** Unchanged: the defaults of a Pod are many, and no test reads them. */
const PODS: ResourceKind = {
  kind: "Pod",
  resource: "pods",
  isNamespaced: true,
  hasStatus: true,
  isMadeByUpdate: false,
  selectable: { "metadata.name": "", "metadata.namespace": "", "spec.nodeName": "" },
  model: "V1Pod",
  decode: (object) => object as StoredObject,
  admit: same,
  faults: (pod) => metadataFaults(pod, true),
  updateFaults: (pod, old) => [...metadataFaults(pod, true), ...metadataUpdateFaults(pod, old)],
};

export const RESOURCE_KINDS: readonly ResourceKind[] = [NODES, PODS, EVENTS];

/** Decodes a request body. @throws Refusal 400, 415 */
export function decodeBody(call: ApiCall, { kind, model, decode }: ResourceKind): StoredObject {
  const { headers, body, query } = call;
  const type = (headers["content-type"] ?? "application/json").split(";")[0];
  if (type !== "application/json") throw unsupportedMediaType(["application/json"]);
  const object = parseBody(body);
  const { kind: given = kind, apiVersion = "v1" } = object;
  if (apiVersion !== "v1")
    throw badRequest(
      `the API version in the data (${String(apiVersion)}) does not match the expected API version (v1)`,
    );
  if (given !== kind) throw badRequest(`${String(given)} in version "v1" cannot be handled as a ${kind}`);
  const unknown = query.get("fieldValidation") === "Strict" ? unknownField(object, model) : null;
  if (unknown !== null) throw badRequest(`strict decoding error: unknown field ${JSON.stringify(unknown)}`);
  try {
    return decode({ ...object, kind, apiVersion: "v1" });
  } catch (error) {
    if (!(error instanceof TypeFault)) throw error;
    throw badRequest(`${kind} in version "v1" cannot be handled as a ${kind}: ${error.message}`);
  }
}

/** @throws Refusal 400 */
export function parseBody(body: Buffer): JsonObject {
  try {
    const value: unknown = JSON.parse(body.toString());
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as JsonObject;
  } catch (error) {
    throw badRequest(`couldn't get version/kind; json parse error: ${String(error)}`);
  }
  throw badRequest("couldn't get version/kind; json parse error: an object was expected");
}
