import { messageOf } from "../../src/runtime/error.ts";
import type { Bench, PromiseGroup } from "./group.ts";
import { Ledger } from "./ledger.ts";
import type { MeasuredPromise } from "./promise.ts";

export interface PromiseRun {
  readonly promises: readonly MeasuredPromise[];
  readonly failures: readonly { readonly group: string; readonly reason: string }[];
  readonly otherCores: readonly number[];
}

/**
 * Measures the groups one after the other. A failure of one does not prevent the others.
 * @param look measures the cores that other programs keep busy now
 */
export async function runGroups(
  groups: readonly PromiseGroup[],
  bench: Omit<Bench, "note">,
  look: (signal: AbortSignal) => Promise<number>,
  say: (line: string) => void,
): Promise<PromiseRun> {
  const ledger = new Ledger();
  const failures: { group: string; reason: string }[] = [];
  const otherCores: number[] = [];
  for (const { name, measure } of groups) {
    bench.signal.throwIfAborted();
    otherCores.push(await look(bench.signal));
    const startedMs = performance.now();
    say(`${name} …`);
    try {
      await measure({ ...bench, note: (promise, ms) => ledger.note(name, promise, ms) });
    } catch (error) {
      bench.signal.throwIfAborted();
      failures.push({ group: name, reason: messageOf(error) });
      say(`${name}: could not be measured to its end: ${messageOf(error)}`);
    }
    say(`${name}: ${((performance.now() - startedMs) / 1000).toFixed(0)} s`);
  }
  return { promises: ledger.promises, failures, otherCores };
}
