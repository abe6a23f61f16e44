/** Stages for any kind whose objects are put and removed one by one. */
import type { ObjectKind } from "../objects/object-kind.ts";
import type { Operation } from "../operation.ts";
import type { Proposal, Situation, Stage } from "./stage.ts";

/** Puts what is desired and does not match. */
export function put<Desired, Observed>(kind: ObjectKind<Desired, Observed, Operation>): Stage {
  return (situation) => {
    const proposals: Proposal[] = [];
    const observed = kind.observedIn(situation.picture);
    for (const [key, want] of kind.desiredIn(situation.desired)) {
      if (kind.matches(want, observed.get(key))) continue;
      proposals.push({ operation: kind.put(want), waitsFor: kind.waitsFor(situation, want) });
    }
    return proposals;
  };
}

/** What has to stand before a surplus object may go; asked once for all of them, which are never none. */
export type HeldBy<Op extends Operation> = (
  situation: Situation,
  removals: readonly Op[],
) => (removal: Op) => string | null;

/** Removes what is ours and not desired. */
export function removeSurplus<Desired, Observed, Op extends Operation>(
  kind: ObjectKind<Desired, Observed, Op>,
  heldBy: HeldBy<Op>,
): Stage {
  return (situation) => {
    const desired = kind.desiredIn(situation.desired);
    const removalOf = kind.removal(situation);
    const removals: Op[] = [];
    for (const [key, have] of kind.observedIn(situation.picture)) {
      if (desired.has(key)) continue;
      const removal = removalOf(have);
      if (removal !== null) removals.push(removal);
    }
    if (removals.length === 0) return [];
    const waitsFor = heldBy(situation, removals);
    return removals.map((operation) => ({ operation, waitsFor: waitsFor(operation) }));
  };
}
