import type { Measurement } from "./measurement.ts";
import type { SearchReport } from "./search.ts";

interface Task {
  readonly target: string;
  readonly seed: number;
  /** Of {@link CurrentInput}. */
  readonly shared: SharedArrayBuffer;
}

/** Inputs that are run and checked, guided by coverage. */
export interface SearchTask extends Task {
  readonly kind: "search";
  readonly inputs: number;
  /** Infinite for no limit. */
  readonly seconds: number;
}

/** Times, in a thread without coverage: V8's counters of blocks take most of the time of a loop over bytes. */
export interface MeasureTask extends Task {
  readonly kind: "measure";
  readonly slow: readonly Uint8Array[];
  /** How many shapes are measured at several sizes. */
  readonly shapes: number;
}

export type WorkerTask = SearchTask | MeasureTask;

export type WorkerMessage =
  | { readonly kind: "progress"; readonly inputs: number }
  | { readonly kind: "searched"; readonly report: SearchReport }
  | { readonly kind: "measured"; readonly measurement: Measurement };
