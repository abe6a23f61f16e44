import type { MeasuredPromise, TimePromise } from "./promise.ts";
import { titleOf } from "./promise.ts";

/** Samples by promise, in the order of each promise's first sample. */
export class Ledger {
  readonly #promises = new Map<string, MeasuredPromise & { readonly samplesMs: number[] }>();

  note(group: string, { topic, detail, boundMs }: TimePromise, ms: number): void {
    const key = `${group} ${boundMs} ${titleOf({ topic, detail, boundMs })}`;
    const known = this.#promises.get(key);
    if (known === undefined) this.#promises.set(key, { group, topic, detail, boundMs, samplesMs: [ms] });
    else known.samplesMs.push(ms);
  }

  get promises(): readonly MeasuredPromise[] {
    return [...this.#promises.values()];
  }
}
