import { isLongRun } from "./long-run.ts";

const ORDINARY_SHARE = 1 / 4;

/**
 * How often fast-check tries a property: each run with another seed, which a failure prints, so that a quarter at a time
 * reaches as far in a few runs.
 *
 * @param count in a long run
 */
export function runs(count: number): { readonly numRuns: number } {
  return { numRuns: isLongRun ? count : Math.ceil(count * ORDINARY_SHARE) };
}
