import type { Distribution } from "./percentiles.ts";

/** What a measuring program found out. */
export interface Reading {
  /** In the measurement's unit. */
  readonly value: number;
  /** Payload that arrived; null where a rate of bytes means nothing. */
  readonly gbps: number | null;
  readonly retransmits: number | null;
  readonly lostPercent: number | null;
  readonly latencyUs: Distribution | null;
}
