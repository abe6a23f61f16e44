import { describeOperation } from "./describe.ts";
import { addAddresses, createLinks, raiseLinks } from "./link-stages.ts";
import { putBlackholes, putFdb, putNeighbours, putRoutes } from "./path-stages.ts";
import type { Situation, Stage } from "./stage.ts";
import { missingForDevice } from "./standing.ts";

/** In the order in which a path is built: what comes first is the cause, what comes later waits for it. */
const BUILDING: readonly Stage[] = [
  createLinks,
  addAddresses,
  raiseLinks,
  putFdb,
  putNeighbours,
  putRoutes,
  putBlackholes,
];

/** The first thing that is still to be done until the desired objects stand, or null: a state stands when no stage proposes to build. */
export function firstMissing(situation: Situation): string | null {
  for (const stage of BUILDING) {
    const [proposal] = stage(situation);
    if (proposal !== undefined) return describeOperation(proposal.operation);
  }
  for (const name of situation.desired.links.keys()) {
    const reason = missingForDevice(situation, name);
    if (reason !== null) return reason;
  }
  return null;
}
