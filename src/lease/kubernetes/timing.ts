/** When to retry after a failure of the server. */
export interface OutageTiming {
  /** After a broken connection: a random wait of 0.5 to 1.5 times this. */
  readonly firstRetryMs: number;
  /** From then on, and after a request that the server refused. */
  readonly retryIntervalMs: number;
}

/** Durations and time-outs; the defaults are for production, a test passes shorter ones. */
export interface KubernetesTiming {
  /** A request without a byte for this long fails, and an idle connection is closed. */
  readonly answerMs: number;
  /** As `answerMs`, for a watch that has begun: the API server sends a bookmark about once a minute. */
  readonly watchSilenceMs: number;
  /** A watch lasts a random time of 1 to 2 times this, so that daemons that began together do not end together. */
  readonly watchSeconds: number;
  /** The least time between two complete listings of nodes. */
  readonly listIntervalMs: number;
  /** When the API server has expired a resource version, all daemons list again, spread over this. */
  readonly listSpreadMs: number;
  /** First and longest wait between two corrections of this daemon's Node. */
  readonly correctionMs: { readonly firstMs: number; readonly maxMs: number };
  /** The interval of checks of the network configuration's file, beside the kernel's events. */
  readonly pollMs: number;
  readonly outage: OutageTiming;
}

export const KUBERNETES_TIMING: KubernetesTiming = {
  answerMs: 15_000,
  watchSilenceMs: 90_000,
  watchSeconds: 300,
  listIntervalMs: 5_000,
  listSpreadMs: 3_000,
  correctionMs: { firstMs: 1_000, maxMs: 60_000 },
  pollMs: 5_000,
  outage: { firstRetryMs: 1_000, retryIntervalMs: 10_000 },
};
