/**
 * The API server's defaults and validation of a Node, after k8s.io/kubernetes: `ValidateNode`, `ValidateNodeUpdate`,
 * its strategies, and admission.
 */
import { isDeepStrictEqual } from "node:util";
import { prefixFamily, tryParsePrefix } from "../../../src/net/index.ts";
import type { JsonObject, JsonValue } from "../../../src/runtime/json.ts";
import { isLabelValue, isQualifiedName } from "./metadata-rules.ts";
import type { StoredObject } from "./object-table.ts";
import { type FieldFault, forbiddenValue, invalidValue } from "./refusal.ts";

interface Taint extends JsonObject {
  readonly key: string;
  readonly value?: string;
  readonly effect: string;
}

const EFFECTS = ["NoSchedule", "PreferNoSchedule", "NoExecute"];
const NOT_READY: Taint = { key: "node.kubernetes.io/not-ready", effect: "NoSchedule" };

/** `podCIDR` is the first of `podCIDRs`; if they differ, only `podCIDR` counts. */
export function withOnePodCidr(node: StoredObject): StoredObject {
  const { podCIDR, podCIDRs, ...others } = (node.spec ?? {}) as JsonObject;
  const listed = (podCIDRs ?? []) as readonly string[];
  const all = typeof podCIDR === "string" && podCIDR !== listed[0] ? [podCIDR] : listed;
  const [first = ""] = all;
  return { ...node, spec: all.length === 0 ? others : { podCIDR: first, podCIDRs: all, ...others } };
}

/** Allocatable resources default to the capacity. */
export function withAllocatable(node: StoredObject): StoredObject {
  const { capacity, allocatable } = (node.status ?? {}) as JsonObject;
  if (capacity === undefined || allocatable !== undefined) return node;
  return { ...node, status: { ...(node.status as JsonObject), allocatable: capacity } };
}

/** As the admission plugin TaintNodesByCondition: nothing is scheduled before the kubelet is ready. */
export function withNotReadyTaint(node: StoredObject): StoredObject {
  const taints = taintsOf(node);
  if (taints.some(({ key, effect }) => key === NOT_READY.key && effect === NOT_READY.effect)) return node;
  return { ...node, spec: { ...(node.spec as JsonObject), taints: [...taints, NOT_READY] } };
}

export function nodeFaults(node: StoredObject): FieldFault[] {
  const faults = [...taintFaults(node), ...quantityFaults(node)];
  const podCidrs = podCidrsOf(node);
  podCidrs.forEach((podCidr, index) => {
    if (familyOf(podCidr) === null)
      faults.push(invalidValue(`spec.podCIDRs[${index}]`, "must be a valid CIDR value"));
  });
  if (podCidrs.length < 2) return faults;
  const families = podCidrs.map(familyOf);
  if (families.includes(null))
    faults.push({
      reason: "InternalError",
      field: "spec.podCIDRs",
      detail: "failed to check with dual stack",
    });
  if (families.includes(null) || new Set(families).size < 2 || podCidrs.length > 2)
    faults.push(invalidValue("spec.podCIDRs", "may specify no more than one CIDR for each IP family"));
  return faults;
}

export function nodeUpdateFaults(node: StoredObject, old: StoredObject): FieldFault[] {
  const faults = [...quantityFaults(node), ...taintFaults(node)];
  const addresses = statusList(node, "addresses").map((address) => JSON.stringify(address));
  addresses.forEach((address, index) => {
    if (addresses.indexOf(address) === index) return;
    faults.push({ reason: "FieldValueDuplicate", field: `status.addresses[${index}]`, detail: address });
  });
  const before = podCidrsOf(old);
  if (before.length > 0 && !isDeepStrictEqual(before, podCidrsOf(node)))
    faults.push(
      forbiddenValue("spec.podCIDRs", 'node updates may not change podCIDR except from "" to valid'),
    );
  const [provider, provided] = [specOf(node).providerID, specOf(old).providerID];
  if (provided !== undefined && provided !== provider)
    faults.push(
      invalidValue("spec.providerID", 'node updates may not change providerID except from "" to valid'),
    );
  if (specOf(node).externalID !== specOf(old).externalID)
    faults.push(forbiddenValue("spec.externalID", "may not be updated"));
  return faults;
}

function taintFaults(node: StoredObject): FieldFault[] {
  const seen = new Set<string>();
  return taintsOf(node).flatMap(({ key, value = "", effect }, index) => {
    // The API server's field path, although taints are part of the spec.
    const field = `metadata.taints[${index}]`;
    const faults: FieldFault[] = [];
    if (!isQualifiedName(key)) faults.push(invalidValue(`${field}.key`, "a qualified name was expected"));
    if (!isLabelValue(value)) faults.push(invalidValue(`${field}.value`, "a valid label was expected"));
    if (effect === "") faults.push({ reason: "FieldValueRequired", field: `${field}.effect`, detail: "" });
    else if (!EFFECTS.includes(effect))
      faults.push({ reason: "FieldValueNotSupported", field: `${field}.effect`, detail: effect });
    if (seen.has(`${key} ${effect}`))
      faults.push({
        reason: "FieldValueDuplicate",
        field,
        detail: "taints must be unique by key and effect pair",
      });
    seen.add(`${key} ${effect}`);
    return faults;
  });
}

function quantityFaults(node: StoredObject): FieldFault[] {
  const status = (node.status ?? {}) as JsonObject;
  return ["capacity", "allocatable"].flatMap((field) =>
    Object.entries((status[field] ?? {}) as JsonObject)
      .filter(([, quantity]) => String(quantity).startsWith("-"))
      .map(([name]) => invalidValue(`status.${field}.${name}`, "must be greater than or equal to 0")),
  );
}

/** Kubernetes 1.34 still accepted leading zeros and bits beyond the prefix (`ParseCIDRSloppy`). */
function familyOf(podCidr: string): "v4" | "v6" | null {
  const prefix = tryParsePrefix(podCidr);
  return prefix === null ? null : prefixFamily(prefix);
}

function specOf(node: StoredObject): JsonObject {
  return (node.spec ?? {}) as JsonObject;
}

function podCidrsOf(node: StoredObject): readonly string[] {
  return (specOf(node).podCIDRs ?? []) as readonly string[];
}

function taintsOf(node: StoredObject): readonly Taint[] {
  return (specOf(node).taints ?? []) as unknown as readonly Taint[];
}

function statusList(node: StoredObject, field: string): readonly JsonValue[] {
  return (((node.status ?? {}) as JsonObject)[field] ?? []) as readonly JsonValue[];
}
