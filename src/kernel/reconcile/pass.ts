import type { TweedError } from "../../runtime/error.ts";
import type { Kernel } from "../kernel.ts";
import type { SetLink } from "../objects/link.ts";
import { routeMatches } from "../objects/route.ts";
import type { ObservedRoute } from "../observed.ts";
import type { Operation } from "../operation.ts";
import type { CacheSync } from "./cache-sync.ts";
import type { DesiredIndex } from "./desired-index.ts";
import type { Failures } from "./failures.ts";
import { findForeignRoutes, withoutTaken } from "./foreign-routes.ts";
import { STAGES } from "./order.ts";
import type { Ownership } from "./ownership.ts";
import { retryBehindForeign } from "./shadowed-routes.ts";
import type { Comparison, PlannedOperation } from "./stage.ts";

export interface PassOptions {
  readonly kernel: Kernel;
  readonly sync: CacheSync;
  readonly failures: Failures;
  readonly desired: DesiredIndex;
  readonly ownership: Ownership;
  /** Devices whose local address the kernel refused to change in place; the pass adds to it. */
  readonly fixedLocal: Set<string>;
  /** Keys of routes that have been in place: a foreign route that replaces one is damage. The pass adds to it. */
  readonly established: Set<string>;
  /** False as soon as another state is desired: the pass then ends after the current stage. */
  isCurrent(): boolean;
}

export interface PassResult {
  /** Operations that succeeded. */
  readonly done: readonly Operation[];
  /** What the blocked operations wait for. */
  readonly blocked: readonly string[];
  /** Foreign routes inside our networks. */
  readonly foreign: readonly ObservedRoute[];
  readonly isComplete: boolean;
}

/** Runs all stages once; each compares the desired state with the results of the stages before it. */
export async function runPass(options: PassOptions): Promise<PassResult> {
  const { kernel, sync, failures, ownership, fixedLocal, established } = options;
  const found = findForeignRoutes(options.desired, sync.cache, ownership, established);
  const foreign = found.routes;
  const desired = withoutTaken(options.desired, found.taken);
  const comparison: Comparison = { desired, cache: sync.cache, ownership, fixedLocal };
  const done: Operation[] = [];
  const blocked: string[] = [];
  failures.beginPass();
  for (const stage of STAGES) {
    if (!options.isCurrent()) return { done, blocked, foreign, isComplete: false };
    const operations = admit(stage(comparison), failures, blocked);
    if (operations.length === 0) continue;
    sync.expectAcknowledgements();
    const outcomes = await retryBehindForeign(operations, await kernel.apply(operations), options);
    for (const [index, operation] of operations.entries()) {
      const error = outcomes[index] ?? null;
      if (error === null) {
        sync.acknowledge(operation);
        failures.succeeded(operation);
        done.push(operation);
        continue;
      }
      failures.record(operation, error);
      if (operation.op === "set-link" && setsLocal(operation) && isImmutable(error)) {
        fixedLocal.add(operation.name);
      }
    }
  }
  failures.endPass();
  desired.routes.forEach((route, key) => {
    if (routeMatches(route, sync.cache.routes.get(key))) established.add(key);
  });
  return { done, blocked, foreign, isComplete: true };
}

/** Not where another device has these settings: the kernel would refuse them to a new device as well. */
function isImmutable({ code, retryable }: TweedError): boolean {
  return !retryable && code !== "EEXIST";
}

function setsLocal({ settings }: SetLink): boolean {
  return settings !== undefined && "local" in settings;
}

/** The operations that may be tried now; what the others wait for is added to `blocked`. */
function admit(
  planned: readonly PlannedOperation[],
  failures: Failures,
  blocked: string[],
): readonly Operation[] {
  const operations: Operation[] = [];
  for (const { operation, waitsFor } of planned) {
    if (waitsFor !== null) {
      failures.block(operation);
      blocked.push(waitsFor);
    } else if (failures.isDue(operation)) {
      operations.push(operation);
    }
  }
  return operations;
}
