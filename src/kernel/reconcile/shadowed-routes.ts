/**
 * Routes of ours behind a foreign one of the same prefix and metric, as after `ip route prepend`. The kernel refuses to
 * replace the first while an identical route follows it (EEXIST, fib_table_insert), so the identical one, which no packet
 * uses, is deleted before the next attempt.
 */
import { TweedError } from "../../runtime/error.ts";
import type { Kernel } from "../kernel.ts";
import { describeOperation } from "../objects/operation-kinds.ts";
import { defaultMetric, observedRouteKey } from "../objects/route.ts";
import type { Operation, Outcome } from "../operation.ts";
import type { CacheSync } from "./cache-sync.ts";
import { describeForeignRoute } from "./foreign-routes.ts";

type PutRoute = Extract<Operation, { readonly op: "put-route" }>;

/** @returns the outcomes, with those of the second attempts in place of the refusals */
export async function retryBehindForeign(
  operations: readonly Operation[],
  outcomes: readonly Outcome[],
  { kernel, sync }: { readonly kernel: Kernel; readonly sync: CacheSync },
): Promise<readonly Outcome[]> {
  const shadowed = operations.flatMap((operation, index) =>
    operation.op === "put-route" && outcomes[index]?.code === "EEXIST" ? [{ operation, index }] : [],
  );
  if (shadowed.length === 0) return outcomes;
  const repairs = shadowed.flatMap(({ operation }) => [deletionOf(operation), operation]);
  const answers = await kernel.apply(repairs);
  const merged = [...outcomes];
  for (const [number, { operation, index }] of shadowed.entries()) {
    const answer = answers[2 * number + 1] ?? null;
    merged[index] = answer === null ? null : inTheWay(operation, answer, sync);
  }
  return merged;
}

function deletionOf({ route }: PutRoute): Operation {
  return { op: "delete-route", route, metric: defaultMetric(route.dst) };
}

function inTheWay(operation: PutRoute, cause: TweedError, { cache }: CacheSync): TweedError {
  const { route } = operation;
  const key = observedRouteKey({ ...route, metric: defaultMetric(route.dst), source: null });
  const have = cache.routes.get(key);
  if (cause.code !== "EEXIST" || have === undefined) return cause;
  return new TweedError({
    code: cause.code,
    operation: describeOperation(operation),
    reason: `a foreign route of the same prefix stands in the way: ${describeForeignRoute(have)}; remove it if nothing needs it`,
    cause,
  });
}
