import { missingDevice } from "../objects/link.ts";
import { describeOperation } from "../objects/operation-kinds.ts";
import { BUILDING_STAGES } from "./order.ts";
import type { Situation } from "./stage.ts";

/** The first thing that is still to be done until the desired objects stand, or null: a state stands when no stage proposes to build. */
export function firstMissing(situation: Situation): string | null {
  for (const stage of BUILDING_STAGES) {
    const [proposal] = stage(situation);
    if (proposal !== undefined) return describeOperation(proposal.operation);
  }
  for (const name of situation.desired.links.keys()) {
    const reason = missingDevice(situation, name);
    if (reason !== null) return reason;
  }
  return null;
}
