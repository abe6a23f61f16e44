import { isLongRun } from "./long-run.ts";

const ORDINARY_SHARE = 1 / 4;

/**
 * The number of cases of a property. Each run has another seed, which a failure prints, so a few ordinary runs with a
 * quarter of the cases cover as much as a long one.
 *
 * @param count number of cases in a long run
 */
export function runs(count: number): { readonly numRuns: number } {
  return { numRuns: isLongRun ? count : Math.ceil(count * ORDINARY_SHARE) };
}
