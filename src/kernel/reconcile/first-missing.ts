import { missingDevice } from "../objects/link.ts";
import { describeOperation } from "../objects/operation-kinds.ts";
import { BUILDING_STAGES } from "./order.ts";
import type { Comparison } from "./stage.ts";

/**
 * The first operation that is needed for the desired objects, or null: a state is in place when no building stage plans
 * an operation.
 */
export function firstMissing(comparison: Comparison): string | null {
  for (const stage of BUILDING_STAGES) {
    const [first] = stage(comparison);
    if (first !== undefined) return describeOperation(first.operation);
  }
  for (const name of comparison.desired.links.keys()) {
    const reason = missingDevice(comparison, name);
    if (reason !== null) return reason;
  }
  return null;
}
