import type { SessionReport } from "./session.ts";

export interface WorkerTask {
  readonly target: string;
  readonly inputs: number;
  /** Infinite for no limit. */
  readonly seconds: number;
  /** How many shapes are measured at two sizes. */
  readonly shapes: number;
  readonly seed: number;
  /** Of {@link CurrentInput}. */
  readonly shared: SharedArrayBuffer;
}

export type WorkerMessage =
  | { readonly kind: "progress"; readonly inputs: number }
  | { readonly kind: "report"; readonly report: SessionReport };
