/**
 * Stages for kinds whose objects are put and removed one by one. `forEach` creates nothing for an object, where `for of`
 * creates a pair of key and object for each of thousands.
 */
import type { ObjectKind } from "../objects/object-kind.ts";
import type { Operation } from "../operation.ts";
import type { Comparison, PlannedOperation, Stage } from "./stage.ts";

/** Puts desired objects that do not match. */
export function put<Desired, Observed>(kind: ObjectKind<Desired, Observed, Operation>): Stage {
  return (comparison) => {
    const planned: PlannedOperation[] = [];
    const observed = kind.observedIn(comparison.cache);
    kind.desiredIn(comparison.desired).forEach((want, key) => {
      if (kind.matches(want, observed.get(key))) return;
      planned.push({ operation: kind.put(want), waitsFor: kind.waitsFor(comparison, want) });
    });
    return planned;
  };
}

/** Returns what surplus objects wait for before their removal. Called once in each stage, with at least one removal. */
export type BlockedBy<Op extends Operation> = (
  comparison: Comparison,
  removals: readonly Op[],
) => (removal: Op) => string | null;

/** Removes objects of ours that are not desired. */
export function removeSurplus<Desired, Observed, Op extends Operation>(
  kind: ObjectKind<Desired, Observed, Op>,
  blockedBy: BlockedBy<Op>,
): Stage {
  return (comparison) => {
    const desired = kind.desiredIn(comparison.desired);
    const removalOf = kind.removal(comparison);
    const removals: Op[] = [];
    kind.observedIn(comparison.cache).forEach((have, key) => {
      const removal = desired.has(key) ? null : removalOf(have);
      if (removal !== null) removals.push(removal);
    });
    if (removals.length === 0) return [];
    const waitsFor = blockedBy(comparison, removals);
    return removals.map((operation) => ({ operation, waitsFor: waitsFor(operation) }));
  };
}
