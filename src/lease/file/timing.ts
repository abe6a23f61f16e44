/** Durations; the defaults are for production, a test passes shorter ones. */
export interface FileStoreTiming {
  readonly leaseTtlMs: number;
  /** How long before its expiry a lease is renewed. */
  readonly renewMarginMs: number;
  /** The interval of full scans, which do not depend on the kernel's events. */
  readonly pollMs: number;
}

/** As flannel's leases in etcd. */
export const FILE_STORE_TIMING: FileStoreTiming = {
  leaseTtlMs: 86_400_000,
  renewMarginMs: 3_600_000,
  pollMs: 5_000,
};
