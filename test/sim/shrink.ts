/** Finds a small part of a history that breaks the same invariant: delta debugging over its steps. */
import { type History, type Result, runHistory } from "./history.ts";
import type { Replacements } from "./replacements.ts";

/** More are not worth the time: each is a run of the history. */
const MAX_RUNS = 300;

export interface Shrunk {
  readonly history: History;
  readonly result: Result;
  readonly runs: number;
}

/** @param failed the result of `history` */
export async function shrink(
  history: History,
  failed: Result,
  replacements: Replacements = {},
): Promise<Shrunk> {
  const invariant = failed.violation?.invariant;
  // What comes after the violation is of no use.
  let smallest: History = { ...history, steps: history.steps.slice(0, failed.atStep + 1) };
  let result = failed;
  let runs = 0;
  let size = Math.ceil(smallest.steps.length / 2);
  while (size >= 1 && runs < MAX_RUNS) {
    let hasShrunk = false;
    for (let start = 0; start < smallest.steps.length && runs < MAX_RUNS; ) {
      const steps = smallest.steps.toSpliced(start, size);
      const candidate = { ...smallest, steps };
      runs += 1;
      const outcome = await runHistory(candidate, replacements);
      if (outcome.violation?.invariant === invariant && invariant !== undefined) {
        smallest = { ...candidate, steps: steps.slice(0, outcome.atStep + 1) };
        result = outcome;
        hasShrunk = true;
      } else {
        start += size;
      }
    }
    if (!hasShrunk || size > smallest.steps.length) size = Math.min(size - 1, Math.floor(size / 2));
  }
  return { history: smallest, result, runs };
}
