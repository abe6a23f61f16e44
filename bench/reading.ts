import type { Distribution } from "./percentiles.ts";

/** The result of a measuring program. */
export interface Reading {
  /** In the measurement's unit. */
  readonly value: number;
  /** Received payload; null where a byte rate has no meaning. */
  readonly gbps: number | null;
  readonly retransmits: number | null;
  readonly lostPercent: number | null;
  readonly latencyUs: Distribution | null;
}
