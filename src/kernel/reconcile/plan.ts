import { kindOf } from "../objects/operation-kinds.ts";
import type { ObservedState } from "../observed.ts";
import type { Operation } from "../operation.ts";
import type { KernelState } from "../state.ts";
import { indexDesired } from "./desired-index.ts";
import { findForeignRoutes, withoutTaken } from "./foreign-routes.ts";
import { STAGES } from "./order.ts";
import type { Ownership } from "./ownership.ts";
import { Picture } from "./picture.ts";
import type { Situation } from "./stage.ts";

/**
 * The operations that lead from what is observed to what is desired, in order, if each of them succeeds. Sysctls
 * are not observed and so always among them. With `EMPTY_STATE` it is what a clean-up has to do.
 */
export function planOperations(
  desired: KernelState,
  observed: ObservedState,
  ownership: Ownership,
): readonly Operation[] {
  const picture = new Picture(() => true);
  picture.load(observed);
  const index = indexDesired(desired);
  const { taken } = findForeignRoutes(index, picture, ownership, new Set());
  const situation: Situation = {
    desired: withoutTaken(index, taken),
    picture,
    ownership,
    fixedLocal: new Set(),
  };
  const operations: Operation[] = [];
  for (const stage of STAGES) {
    for (const { operation, waitsFor } of stage(situation)) {
      if (waitsFor !== null) continue;
      operations.push(operation);
      kindOf(operation).acknowledge(picture, operation);
    }
  }
  return operations;
}
