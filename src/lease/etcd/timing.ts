/** Durations and time-outs; the defaults are for production, a test passes shorter ones. */
export interface EtcdTiming {
  /** Requested time to live; flannel's is a day. etcd enforces a minimum of about 2 s. */
  readonly leaseTtlSeconds: number;
  /** For one request to one endpoint, and for a watch to be confirmed. */
  readonly requestTimeoutMs: number;
  /** After this long without data gRPC pings the server … */
  readonly keepaliveMs: number;
  /** … and closes the connection without an answer within this. */
  readonly keepaliveTimeoutMs: number;
  /** The least time between two complete listings of a key range. */
  readonly listIntervalMs: number;
  /** A watch is compared with what etcd has after half to one and a half of this, and again after each such time. */
  readonly silenceCheckMs: number;
}

export const ETCD_TIMING: EtcdTiming = {
  leaseTtlSeconds: 86_400,
  requestTimeoutMs: 5_000,
  // etcd closes connections that ping more often than every 5 s (--grpc-keepalive-min-time).
  keepaliveMs: 10_000,
  keepaliveTimeoutMs: 5_000,
  listIntervalMs: 5_000,
  // A read costs etcd as much as it has keys: of 5,000 daemons some 30 a second.
  silenceCheckMs: 180_000,
};
