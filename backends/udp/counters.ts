/** The fast path's counters by name: one for each drop reason and for each event that has a metric. */
import * as index from "./assembly/counter-index.ts";
import { COUNTERS_AT, COUNTERS_BYTES } from "./assembly/layout.ts";

type Hyphenated<Name> = Name extends `${infer Head}_${infer Tail}`
  ? `${Lowercase<Head>}-${Hyphenated<Tail>}`
  : Lowercase<Name & string>;

/** `packets`, `forwarded`, `drop-ttl`, …: the names of assembly/counter-index.ts. */
export type CounterName = Hyphenated<keyof typeof index>;
export type Counters = Readonly<Record<CounterName, bigint>>;

const PLACES = Object.entries(index).map(
  ([name, place]) => [name.toLowerCase().replaceAll("_", "-") as CounterName, place] as const,
);

export const COUNTER_NAMES: readonly CounterName[] = PLACES.map(([name]) => name);
export const DROP_COUNTERS: readonly CounterName[] = COUNTER_NAMES.filter((name) => name.startsWith("drop-"));

/** What one lane has counted since the memory was created. Safe while the lane runs. */
export function readCounters(memory: WebAssembly.Memory, lane: number): Counters {
  const block = new BigUint64Array(memory.buffer, COUNTERS_AT + lane * COUNTERS_BYTES, COUNTERS_BYTES / 8);
  const counters: Partial<Record<CounterName, bigint>> = {};
  for (const [name, place] of PLACES) counters[name] = Atomics.load(block, place);
  return counters as Counters;
}

export function addCounters(lanes: readonly Counters[]): Counters {
  const sums = COUNTER_NAMES.map(
    (name) => [name, lanes.reduce((sum, lane) => sum + lane[name], 0n)] as const,
  );
  return Object.fromEntries(sums) as Counters;
}

/** Totals over successive memories, so that counters never decrease. */
export class CounterTotals {
  #ended: Counters = addCounters([]);

  /** Adds the final counters of a memory that is being released. */
  add(counters: Counters): void {
    this.#ended = this.with(counters);
  }

  /** The totals with `counters` of the current memory. */
  with(counters: Counters): Counters {
    return addCounters([this.#ended, counters]);
  }
}
