import type { Kernel } from "../kernel.ts";
import type { SetLink } from "../objects/link.ts";
import { routeMatches } from "../objects/route.ts";
import type { ObservedRoute } from "../observed.ts";
import type { Operation } from "../operation.ts";
import type { DesiredIndex } from "./desired-index.ts";
import type { Failures } from "./failures.ts";
import { findForeignRoutes, withoutTaken } from "./foreign-routes.ts";
import type { Mirror } from "./mirror.ts";
import { STAGES } from "./order.ts";
import type { Ownership } from "./ownership.ts";
import type { Proposal, Situation } from "./stage.ts";

export interface PassOptions {
  readonly kernel: Kernel;
  readonly mirror: Mirror;
  readonly failures: Failures;
  readonly desired: DesiredIndex;
  readonly ownership: Ownership;
  /** Devices whose local address the kernel would not change in place; the pass adds to it. */
  readonly fixedLocal: Set<string>;
  /** Places of routes that stood: whatever is there instead is damage. The pass adds to it. */
  readonly stood: Set<string>;
  /** False as soon as another state is desired: the pass then ends after the stage at hand. */
  isCurrent(): boolean;
}

export interface PassResult {
  /** What the kernel carried out. */
  readonly done: readonly Operation[];
  /** What has to stand before operations that could not be tried. */
  readonly held: readonly string[];
  /** Routes of others inside our networks. */
  readonly foreign: readonly ObservedRoute[];
  readonly isComplete: boolean;
}

/** Goes once through the stages, each compared with what those before it made of the kernel. */
export async function runPass(options: PassOptions): Promise<PassResult> {
  const { kernel, mirror, failures, ownership, fixedLocal, stood } = options;
  const found = findForeignRoutes(options.desired, mirror.picture, ownership, stood);
  const foreign = found.routes;
  const desired = withoutTaken(options.desired, found.taken);
  const situation: Situation = { desired, picture: mirror.picture, ownership, fixedLocal };
  const done: Operation[] = [];
  const held: string[] = [];
  failures.beginPass();
  for (const stage of STAGES) {
    if (!options.isCurrent()) return { done, held, foreign, isComplete: false };
    const operations = admit(stage(situation), failures, held);
    if (operations.length === 0) continue;
    mirror.expectAcknowledgements();
    const outcomes = await kernel.apply(operations);
    for (const [index, operation] of operations.entries()) {
      const error = outcomes[index] ?? null;
      if (error === null) {
        mirror.acknowledge(operation);
        failures.succeeded(operation);
        done.push(operation);
        continue;
      }
      failures.record(operation, error);
      if (operation.op === "set-link" && setsLocal(operation) && !error.retryable) {
        fixedLocal.add(operation.name);
      }
    }
  }
  failures.endPass();
  for (const [key, route] of desired.routes) {
    if (routeMatches(route, mirror.picture.routes.get(key))) stood.add(key);
  }
  return { done, held, foreign, isComplete: true };
}

function setsLocal({ settings }: SetLink): boolean {
  return settings !== undefined && "local" in settings;
}

/** The operations that may be tried now; the reasons of the others go to `held`. */
function admit(proposals: readonly Proposal[], failures: Failures, held: string[]): readonly Operation[] {
  const operations: Operation[] = [];
  for (const { operation, waitsFor } of proposals) {
    if (waitsFor !== null) {
      failures.hold(operation);
      held.push(waitsFor);
    } else if (failures.isDue(operation)) {
      operations.push(operation);
    }
  }
  return operations;
}
