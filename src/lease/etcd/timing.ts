/** How long things may take; the defaults are for production, a test passes shorter ones. */
export interface EtcdTiming {
  /** Of a lease that is granted; flannel's is a day. etcd keeps to a minimum of its own, about 2 s. */
  readonly leaseTtlSeconds: number;
  /** For one request to one endpoint, and for a watch to be confirmed. */
  readonly requestTimeoutMs: number;
  /** A connection on which nothing came for this long is asked for a sign of life … */
  readonly keepaliveMs: number;
  /** … and given up when none comes within this. */
  readonly keepaliveTimeoutMs: number;
  /** From one complete listing of a key range to the next, at least. */
  readonly listIntervalMs: number;
}

export const ETCD_TIMING: EtcdTiming = {
  leaseTtlSeconds: 86_400,
  requestTimeoutMs: 5_000,
  // etcd closes connections that ping more often than every 5 s (--grpc-keepalive-min-time).
  keepaliveMs: 10_000,
  keepaliveTimeoutMs: 5_000,
  listIntervalMs: 5_000,
};
