/** When a server that failed is asked again. */
export interface OutageTiming {
  /** After a connection broke: from half of this to one and a half times this. */
  readonly firstRetryMs: number;
  /** From then on; no request is sooner than this after one that the server refused. */
  readonly retryIntervalMs: number;
}

/** How long things may take; the defaults are for production, a test passes shorter ones. */
export interface KubernetesTiming {
  /** Without a byte for this long a request is given up, and a connection that nobody uses. */
  readonly answerMs: number;
  /** As `answerMs`, for a watch that has begun. The API server sends a bookmark about once a minute, so that silence means something. */
  readonly watchSilenceMs: number;
  /** A watch lasts a random time from this to twice this, so that daemons that began together do not end together. */
  readonly watchSeconds: number;
  /** From one complete listing of nodes to the next, at least. */
  readonly listIntervalMs: number;
  /** When the API server has forgotten a place in its history, all daemons list anew, spread over this. */
  readonly listSpreadMs: number;
  /** First and longest wait between two corrections of this node's own Node. */
  readonly correctionMs: { readonly firstMs: number; readonly maxMs: number };
  /** How often the file with the network configuration is looked at, whatever the kernel reported. */
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
