/** The API server's validation of the metadata of any object, after `ValidateObjectMeta` of k8s.io/apimachinery. */
import { isDeepStrictEqual } from "node:util";
import type { JsonObject, JsonValue } from "../../../src/runtime/json.ts";
import type { StoredObject } from "./object-table.ts";
import { type FieldFault, forbiddenValue, invalidValue } from "./refusal.ts";

/** All keys and values together. */
const MAX_ANNOTATION_BYTES = 256 << 10;

const LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const SUBDOMAIN = new RegExp(`^${LABEL}(\\.${LABEL})*$`);
const NAME = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const VALUE = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;

export function isSubdomain(text: string): boolean {
  return text.length <= 253 && SUBDOMAIN.test(text);
}

/** As a label's or an annotation's key, with or without a prefix. */
export function isQualifiedName(text: string): boolean {
  const parts = text.split("/");
  const [prefix, name] = parts.length === 1 ? [null, parts[0]] : parts;
  if (parts.length > 2 || name === undefined || prefix === undefined) return false;
  return name.length <= 63 && NAME.test(name) && (prefix === null || isSubdomain(prefix));
}

export function isLabelValue(text: string): boolean {
  return text.length <= 63 && VALUE.test(text);
}

/** @param hasStrictName whether its name must be a DNS subdomain, not only a path segment */
export function metadataFaults({ metadata }: StoredObject, hasStrictName: boolean): FieldFault[] {
  const { name = "", labels, annotations, finalizers } = metadata as Partial<StoredObject["metadata"]>;
  const faults: FieldFault[] = [];
  const fault = (field: string, detail: string) => faults.push(invalidValue(`metadata.${field}`, detail));
  if (name === "")
    faults.push({
      reason: "FieldValueRequired",
      field: "metadata.name",
      detail: "name or generateName is required",
    });
  else if (hasStrictName && !isSubdomain(name)) fault("name", "a lowercase RFC 1123 subdomain was expected");
  else if (name === "." || name === ".." || /[/%]/.test(name)) fault("name", "may not be a path");
  for (const [key, value] of texts(labels)) {
    if (!isQualifiedName(key)) fault("labels", `${key}: a qualified name was expected`);
    if (!isLabelValue(value)) fault("labels", `${value}: a valid label was expected`);
  }
  let bytes = 0;
  for (const [key, value] of texts(annotations)) {
    if (!isQualifiedName(key.toLowerCase())) fault("annotations", `${key}: a qualified name was expected`);
    bytes += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  if (bytes > MAX_ANNOTATION_BYTES) {
    const detail = `may not be more than ${MAX_ANNOTATION_BYTES} bytes`;
    faults.push({ reason: "FieldValueTooLong", field: "metadata.annotations", detail });
  }
  for (const [index, finalizer] of ((finalizers ?? []) as readonly string[]).entries()) {
    // Validated twice, with a different field path each time.
    for (const place of isQualifiedName(finalizer) ? [] : ["finalizers", `finalizers[${index}]`])
      fault(place, `${finalizer}: a qualified name was expected`);
  }
  return faults;
}

/** Faults of immutable fields. */
export function metadataUpdateFaults(object: StoredObject, old: StoredObject): FieldFault[] {
  const faults: FieldFault[] = (["name", "namespace", "uid"] as const)
    .filter((name) => !isDeepStrictEqual(object.metadata[name], old.metadata[name]))
    .map((name) => invalidValue(`metadata.${name}`, "field is immutable"));
  const finalizers = (old.metadata.finalizers ?? []) as readonly JsonValue[];
  const added = ((object.metadata.finalizers ?? []) as readonly JsonValue[]).filter(
    (finalizer) => !finalizers.includes(finalizer),
  );
  if (old.metadata.deletionTimestamp !== undefined && added.length > 0)
    faults.push(
      forbiddenValue("metadata.finalizers", "no new finalizers can be added if the object is being deleted"),
    );
  return faults;
}

function texts(map: JsonValue | undefined): readonly (readonly [string, string])[] {
  return Object.entries((map ?? {}) as JsonObject & Readonly<Record<string, string>>);
}
