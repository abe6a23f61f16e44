/** The API server's validation of an Event of core/v1, after `legacyValidateEvent` of k8s.io/kubernetes. */
import type { JsonObject } from "../../../src/runtime/json.ts";
import { isQualifiedName } from "./metadata-rules.ts";
import type { StoredObject } from "./object-table.ts";
import { type FieldFault, invalidValue } from "./refusal.ts";

const LIMITS = { reportingInstance: 128, action: 128, reason: 128, message: 1024 } as const;

export function eventFaults(event: StoredObject): FieldFault[] {
  const { namespace = "" } = event.metadata;
  const { namespace: involved = "" } = (event.involvedObject ?? {}) as JsonObject;
  const elsewhere = invalidValue("involvedObject.namespace", "does not match event.namespace");
  // Events of the new kind have an `eventTime`, and stricter validation.
  if ((event.eventTime ?? null) === null) {
    const expected = involved === "" ? "default" : involved;
    return namespace === expected ? [] : [elsewhere];
  }
  const faults: FieldFault[] = [];
  if (involved === "" && namespace !== "default" && namespace !== "kube-system") faults.push(elsewhere);
  const text = (field: string) => String(event[field] ?? "");
  for (const field of ["reportingComponent", "reportingInstance", "action", "reason"]) {
    if (text(field) === "") faults.push({ reason: "FieldValueRequired", field, detail: "" });
  }
  if (!isQualifiedName(text("reportingComponent")))
    faults.push(invalidValue("reportingComponent", "a qualified name was expected"));
  for (const [field, most] of Object.entries(LIMITS)) {
    if (text(field).length > most) faults.push(invalidValue(field, `can have at most ${most} characters`));
  }
  return faults;
}
