import { kindOf } from "../objects/operation-kinds.ts";
import type { ObservedState } from "../observed.ts";
import type { Operation } from "../operation.ts";
import type { KernelState } from "../state.ts";
import { indexDesired } from "./desired-index.ts";
import { findForeignRoutes, withoutTaken } from "./foreign-routes.ts";
import { KernelCache } from "./kernel-cache.ts";
import { STAGES } from "./order.ts";
import type { Ownership } from "./ownership.ts";
import type { Comparison } from "./stage.ts";

/**
 * The operations from the observed to the desired state, in order, if each of them succeeds. Sysctls are not observed,
 * so they are always included. With `EMPTY_STATE` these are the operations of a clean-up.
 */
export function planOperations(
  desired: KernelState,
  observed: ObservedState,
  ownership: Ownership,
): readonly Operation[] {
  const cache = new KernelCache(() => true);
  cache.load(observed);
  const index = indexDesired(desired);
  const { taken } = findForeignRoutes(index, cache, ownership, new Set());
  const comparison: Comparison = {
    desired: withoutTaken(index, taken),
    cache,
    ownership,
    fixedLocal: new Set(),
  };
  const operations: Operation[] = [];
  for (const stage of STAGES) {
    for (const { operation, waitsFor } of stage(comparison)) {
      if (waitsFor !== null) continue;
      operations.push(operation);
      kindOf(operation).acknowledge(cache, operation);
    }
  }
  return operations;
}
