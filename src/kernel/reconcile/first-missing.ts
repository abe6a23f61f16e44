import { missingDevice } from "../objects/link.ts";
import { describeOperation } from "../objects/operation-kinds.ts";
import { BUILDING_STAGES } from "./order.ts";
import type { Comparison } from "./stage.ts";

/**
 * The first thing that is still to be done until the desired objects stand, or null: a state is in place when
 * no stage plans to build.
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
